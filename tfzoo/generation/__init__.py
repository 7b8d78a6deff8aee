"""Text out: samplers, and decoding with a key-value cache."""

from tfzoo.generation.beam import BeamSearch, search
from tfzoo.generation.constraints import Constraints
from tfzoo.generation.decoder import Decoder
from tfzoo.generation.ends import Ends
from tfzoo.generation.loop import Writer, generate, generate_anew
from tfzoo.generation.options import DecodingOptions
from tfzoo.generation.prompts import Sampling
from tfzoo.generation.requests import as_sampling, checked_options, checked_text, checked_texts
from tfzoo.generation.samplers import sample
from tfzoo.generation.stops import TokenBytes
from tfzoo.generation.write import write

__all__ = [
    "BeamSearch",
    "Constraints",
    "Decoder",
    "DecodingOptions",
    "Ends",
    "Sampling",
    "TokenBytes",
    "Writer",
    "as_sampling",
    "checked_options",
    "checked_text",
    "checked_texts",
    "generate",
    "generate_anew",
    "sample",
    "search",
    "write",
]
