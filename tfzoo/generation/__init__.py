"""Text out: samplers, and decoding with a key-value cache."""

from tfzoo.generation.beam import BeamSearch, search
from tfzoo.generation.decoder import Decoder
from tfzoo.generation.ends import Ends
from tfzoo.generation.loop import generate, generate_anew
from tfzoo.generation.prompts import DEFAULTS, DTYPES, Sampling, default_sampling
from tfzoo.generation.requests import checked_sampling, checked_text, checked_texts, write
from tfzoo.generation.samplers import sample

__all__ = [
    "BeamSearch",
    "DEFAULTS",
    "DTYPES",
    "Decoder",
    "Ends",
    "Sampling",
    "checked_sampling",
    "checked_text",
    "checked_texts",
    "default_sampling",
    "generate",
    "generate_anew",
    "sample",
    "search",
    "write",
]
