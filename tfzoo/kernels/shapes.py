"""Sizes of axes, and rows in other shapes, in as few operations as there can be.

A graph that serves or writes is made of thousands of operations. Each costs time when the graph is
traced, written, read, and rewritten for its first answer.
"""

import tensorflow as tf


def size(x, axis):
    """The size of an axis: an int if it is known, else an int32 scalar."""
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def leading(x, count):
    """The sizes of the first axes, as `tf.reshape` takes them.

    Returns:
        list of `count` ints or int32 scalars; the only one that is unknown is -1.
    """
    known = list(x.shape[:count])
    if known.count(None) > 1:
        return [
            there if size is None else size
            for size, there in zip(known, tf.unstack(tf.shape(x))[:count], strict=True)
        ]
    return [-1 if size is None else size for size in known]


def with_last(x, like, *last):
    """`x` reshaped to all axes of `like` but its last, and the sizes `last` behind these."""
    return tf.reshape(x, [*leading(like, len(like.shape) - 1), *last])


def each_row(structure, count):
    """Each row `count` times, one after the other.

    Args:
        structure: of tensors (b, ...).
        count: int or int32 scalar.

    Returns:
        A structure of tensors (b count, ...).
    """
    tensors = tf.nest.flatten(structure)
    if not tensors:
        return structure
    rows = tf.range(size(tensors[0], 0) * count) // count
    return tf.nest.map_structure(lambda x: tf.gather(x, rows), structure)
