"""Text out: samplers, and decoding with a key-value cache."""

from tfzoo.generation.decoder import Decoder
from tfzoo.generation.loop import generate
from tfzoo.generation.prompts import Sampling
from tfzoo.generation.samplers import sample

__all__ = ["Decoder", "Sampling", "generate", "sample"]
