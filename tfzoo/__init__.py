"""tfzoo: Transformers in Keras 3 and TensorFlow, from a text file to a served model.

`import tfzoo` registers the layers and models with Keras and stays light; the other rooms are
loaded when they are first used.
"""

import importlib
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # before Keras is imported
if sys.argv[:1] == ["-m"]:  # A program, `python -m tfzoo.train`: without TensorFlow's own notes.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfzoo import layers, models  # noqa: E402
from tfzoo.errors import UsageError  # noqa: E402

_ROOMS = ("data", "evaluation", "generation", "serving", "tasks", "tokenizers", "training")

__all__ = ["UsageError", "layers", "load", "models", *_ROOMS]


def __getattr__(name):
    if name == "load":
        return importlib.import_module("tfzoo.zoo").load
    if name in _ROOMS:
        return importlib.import_module(f"tfzoo.{name}")
    raise AttributeError(f"module 'tfzoo' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
