"""Writing new keys and values into a cache."""

import keras
import tensorflow as tf

from tfzoo.kernels import pairs
from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.shapes import size


def write_columns(cache, columns, index, *, of_values=False):
    """`cache` with its columns from `index` on replaced by `columns`.

    Args:
        cache: float (b, h, s, d); for one column in a compiled program also a tuple of blocks, or
            what `in_pairs` gives.
        columns: float (b, h, t, d), with index + t <= s.
        index: int32 scalar, the first column to write.
        of_values: bool, which `in_pairs` was told.

    Returns:
        As `cache`.
    """
    if isinstance(cache, tuple):
        return _in_blocks(cache, columns, index)
    if cache.dtype == tf.uint32:
        return (_value_of_pairs if of_values else _key_of_pairs)(cache, columns, index)
    return (_compiled if is_compiled() else _plain)(cache, columns, index)


def _plain(cache, columns, index):
    """One column in place; several by a copy of all, which takes a tenth of the time a number."""
    if columns.shape[2] != 1:
        behind = index + size(columns, 2)
        written = tf.concat([cache[:, :, :index], columns, cache[:, :, behind:]], 2)
        return tf.ensure_shape(written, cache.shape)
    first_two_and_last_whole = 0b1011
    third = tf.constant([0, 0, 1, 0])
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=cache,
        begin=index * third,
        end=(index + 1) * third,
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


def in_pairs(cache, size, *, of_values=False):
    """A cache of bfloat16 as `pairs`, in blocks of columns.

    Args:
        cache: float (b, h, s, d).
        size: int, c, the columns of a block: it divides s. Of keys d must be even, of values c.
        of_values: bool.

    Returns:
        Of keys uint32 (s / c, b, h, c, d / 2); of values, whose sum runs along columns, uint32
        (s / c, b, h, d, c / 2). The first half of the last axis is in the upper 16 bits.
    """
    b, h, s, d = cache.shape
    order = [2, 0, 1, 4, 3] if of_values else [2, 0, 1, 3, 4]
    blocks = tf.transpose(tf.reshape(cache, [b, h, s // size, size, d]), order)
    return pairs.paired(*tf.split(blocks, 2, axis=-1))


@program
def _key_of_pairs(cache, column, index):
    words = pairs.paired(*tf.split(column, 2, axis=-1))
    size = cache.shape[3]
    return keras.ops.slice_update(cache, [index // size, 0, 0, index % size, 0], words[tf.newaxis])


@program
def _value_of_pairs(cache, column, index):
    """The number beside it in each word stays as it was."""
    size = cache.shape[-1]
    place = index % (2 * size)
    start = [index // (2 * size), 0, 0, 0, place % size]
    new = tf.linalg.matrix_transpose(column)[tf.newaxis]
    high, low = pairs.parts(tf.slice(cache, start, new.shape))
    words = tf.where(place < size, pairs.paired(new, low), pairs.paired(high, new))
    return keras.ops.slice_update(cache, start, words)
