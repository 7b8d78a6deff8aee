"""Two halves of a batch, side by side on a CPU.

A matrix product shared by all cores ends with cores that wait for each other, and between products
most of them have nothing to do. Two branches of one graph, each with products of its own, keep them
busy: on two cores a training step takes a sixth less time, and eight prompts are continued half as
fast again.
"""

import contextlib
import os

import tensorflow as tf

_MANY = 1024  # Tokens that are worth cutting at any width.


def num_streams(num_tokens=None, width=0):
    """How many branches keep this machine busy: two on a CPU, one on GPUs or for little work.

    Little are fewer tokens than the model is wide: a second gradient of large matrices then costs
    more than the gain. Products of narrow models gain with any number of tokens, since oneDNN
    gives what fits a core's cache to one core.

    Args:
        num_tokens: int, of a training step; None: there are no gradients, which always gains.
        width: int, of the model.
    """
    little = num_tokens is not None and num_tokens <= width and num_tokens < _MANY
    return 1 if little or tf.config.list_physical_devices("GPU") else 2


def cut(structure, num_parts):
    """Cuts tensors (rows, ...) of any structure along their rows.

    Returns:
        list of such structures: `num_parts` of them, or one if the rows do not divide.
    """
    flat = tf.nest.flatten(structure)
    rows = flat[0].shape[0]
    if rows is None or rows % num_parts:
        return [structure]
    parts = zip(*(tf.split(x, num_parts) for x in flat), strict=True)
    return [tf.nest.pack_sequence_as(structure, part) for part in parts]


def branch(function, num_parts):
    """A function of one part, to be called for each: traced once if there are several."""
    return tf.function(function, autograph=False) if num_parts > 1 else function


def spare_a_thread():
    """Lets one operation use all cores but one, where another one runs beside it.

    For a program that owns its process: where TensorFlow runs already, all stays as it is.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores - 1))
