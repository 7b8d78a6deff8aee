"""Text out: samplers, and decoding with a key-value cache."""

from tfzoo.generation.beam import BeamSearch, search
from tfzoo.generation.decoder import Decoder
from tfzoo.generation.loop import generate
from tfzoo.generation.prompts import DEFAULTS, DTYPES, Sampling, default_sampling
from tfzoo.generation.samplers import sample

__all__ = [
    "BeamSearch",
    "DEFAULTS",
    "DTYPES",
    "Decoder",
    "Sampling",
    "default_sampling",
    "generate",
    "sample",
    "search",
]
