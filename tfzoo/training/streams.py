"""Two halves of a batch, side by side on a CPU.

A matrix product shared by all cores ends with cores that wait for each other, and between products
most of them have nothing to do. Two branches of one graph, each with products of its own, keep them
busy: on two cores a step takes a tenth to a fifth less time.
"""

import os

import tensorflow as tf


def count(distribution, jit):
    """How many parts each batch of a replica is cut into, if its rows allow.

    Args:
        distribution: Distribution.
        jit: str, the flag. A step that is one XLA program has no branches.
    """
    one_cpu = distribution.num_local_replicas == 1 and not tf.config.list_physical_devices("GPU")
    return 2 if one_cpu and jit != "true" else 1


def cut(batch, num_parts):
    """Cuts a dict of tensors (rows, ...) into as many dicts; into one if rows do not allow."""
    rows = next(iter(batch.values())).shape[0]
    if rows is None or rows % num_parts:
        num_parts = 1
    parts = {name: tf.split(x, num_parts) for name, x in batch.items()}
    return [{name: x[i] for name, x in parts.items()} for i in range(num_parts)]


def spare_threads():
    """Lets single operations use all cores but one: the thread that starts them works as well.

    For a program that owns its process, before any TensorFlow operation runs.
    """
    if not tf.config.list_physical_devices("GPU"):
        tf.config.threading.set_intra_op_parallelism_threads(
            max(1, len(os.sched_getaffinity(0)) - 1)
        )
