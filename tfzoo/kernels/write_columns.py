"""Writing new keys and values into a cache."""

import keras
import tensorflow as tf

from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.shapes import size


def write_columns(cache, columns, index):
    """`cache` with its columns from `index` on replaced by `columns`.

    Args:
        cache: float (b, h, s, d); for one column in a compiled program also a tuple of blocks.
        columns: float (b, h, t, d), with index + t <= s.
        index: int32 scalar, the first column to write.

    Returns:
        float (b, h, s, d), or blocks as `cache`.
    """
    if isinstance(cache, tuple):
        return _in_blocks(cache, columns, index)
    return (_compiled if is_compiled() else _plain)(cache, columns, index)


def _plain(cache, columns, index):
    first_two_and_last_whole = 0b1011
    third = tf.constant([0, 0, 1, 0])
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=cache,
        begin=index * third,
        end=(index + size(columns, 2)) * third,
        strides=[1, 1, 1, 1],
        value=columns,
        begin_mask=first_two_and_last_whole,
        end_mask=first_two_and_last_whole,
    )


@program
def _compiled(cache, columns, index):
    return keras.ops.slice_update(cache, [0, 0, index, 0], columns)


@program
def _in_blocks(blocks, column, index):
    """The blocks that the column is not of write one of their own columns anew."""
    written, first = [], 0
    for block in blocks:
        place = tf.clip_by_value(index - first, 0, block.shape[2] - 1)
        old = tf.slice(block, [0, 0, place, 0], column.shape)
        new = tf.where(first + place == index, column, old)
        written.append(keras.ops.slice_update(block, [0, 0, place, 0], new))
        first += block.shape[2]
    return tuple(written)
