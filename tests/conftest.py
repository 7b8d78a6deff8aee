"""What every test stands on: a quiet TensorFlow, one random seed, and a stack of what crashes."""

import contextlib
import ctypes
import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
os.environ.setdefault("PYTHONFAULTHANDLER", "1")  # of the processes that tests start

with contextlib.suppress(ImportError):
    import triton  # noqa: F401  Of torch: loaded after TensorFlow, it ends the process.

import pytest  # noqa: E402

_kept = 0.0  # Megabytes, when memory was given back last.


@pytest.fixture(scope="session", autouse=True)
def quick_tests_do_not_fuse(pytestconfig):
    """They leave out TensorFlow's search for what to fuse: a quarter of a tiny run.

    The programs that tests start make it, as users' do, and so do the slow tests.
    """
    import tensorflow as tf  # Not above: a process that runs no test need not wait for it.

    if pytestconfig.option.markexpr == "not slow":
        tf.config.optimizer.set_experimental_options({"remapping": False})


@pytest.fixture(autouse=True)
def same_seed():
    """Starts every test from the same state of Python's, NumPy's and TensorFlow's generators."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def memory_is_given_back():
    """Graphs and programs of tests' models would else be kept to the end: 24 GB do for all."""
    global _kept
    yield
    if _resident_megabytes() - _kept > 300:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # Where the C library is another.
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        _kept = _resident_megabytes()


def _resident_megabytes():
    """0 on systems that do not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
