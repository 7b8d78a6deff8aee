"""tfzoo: Transformers in Keras 3 and TensorFlow, from a text file to a served model.

`import tfzoo` registers the layers and models with Keras and stays light; the other rooms are
loaded when they are first used.
"""

import contextlib
import importlib
import os
import sys


@contextlib.contextmanager
def _silent_import():
    """Keeps TensorFlow's notes on the CPU and on missing GPUs off a program's screen.

    TF_CPP_MIN_LOG_LEVEL, when the user sets it, brings them back: TensorFlow 2.21 writes the first
    of them whatever its value, so the screen itself is put aside.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    screen, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)


os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # before Keras is imported
if sys.argv[:1] == ["-m"] and "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
    with _silent_import():
        import tensorflow  # noqa: F401

from tfzoo import layers, models  # noqa: E402
from tfzoo.errors import UsageError  # noqa: E402

_ROOMS = ("data", "evaluation", "generation", "pretrained", "serving", "tasks", "tokenizers")
_ROOMS += ("training",)

__all__ = ["UsageError", "layers", "load", "models", *_ROOMS]


def __getattr__(name):
    if name == "load":
        return importlib.import_module("tfzoo.zoo").load
    if name in _ROOMS:
        return importlib.import_module(f"tfzoo.{name}")
    raise AttributeError(f"module 'tfzoo' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
