"""Checkpoints of transformers and adapters of peft in and out, without these or torch."""

from tfzoo.pretrained.adapters import read_adapter, write_adapter
from tfzoo.pretrained.families import FAMILIES
from tfzoo.pretrained.folder import Pretrained, load, save
from tfzoo.pretrained.reading import Published, read_model, read_shape
from tfzoo.pretrained.tokenizer_writing import write_tokenizer
from tfzoo.pretrained.writing import write_model

__all__ = [
    "FAMILIES",
    "Pretrained",
    "Published",
    "load",
    "read_adapter",
    "read_model",
    "read_shape",
    "save",
    "write_adapter",
    "write_model",
    "write_tokenizer",
]
