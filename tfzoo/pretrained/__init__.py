"""Checkpoints of transformers in and out, without transformers or torch."""

from tfzoo.pretrained.families import FAMILIES
from tfzoo.pretrained.folder import Pretrained, load, save
from tfzoo.pretrained.reading import Published, read_model
from tfzoo.pretrained.tokenizer_writing import write_tokenizer
from tfzoo.pretrained.writing import write_model

__all__ = [
    "FAMILIES",
    "Pretrained",
    "Published",
    "load",
    "read_model",
    "save",
    "write_model",
    "write_tokenizer",
]
