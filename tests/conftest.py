"""What every test stands on: a quiet TensorFlow, one random seed, and a stack of what crashes."""

import contextlib
import ctypes
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
os.environ.setdefault("PYTHONFAULTHANDLER", "1")  # of the processes that tests start

with contextlib.suppress(ImportError):
    import triton  # noqa: F401  Of torch: loaded after TensorFlow, it ends the process.

import keras  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def same_seed():
    """Starts every test from the same state of Python's, NumPy's and TensorFlow's generators."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back():
    """Graphs and programs of a module's models would else be kept to the end: 24 GB do for all."""
    yield
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # Where the C library is another.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
