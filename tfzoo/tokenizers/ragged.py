"""Ragged rows in the graph, in memory that grows with their values alone."""

import tensorflow as tf


def row_ids(ragged):
    """The row of each value of ragged rows [b, None], int64 [n].

    `value_rowids` gives the same through a mask of all rows by the longest of them, which is more
    than the memory for a long text among many short ones.
    """
    values = tf.range(tf.shape(ragged.values, tf.int64)[0])
    limits = tf.cast(ragged.row_limits(), tf.int64)
    return tf.searchsorted(limits, values, side="right", out_type=tf.int64)


def picked(ragged, is_picked):
    """Ragged rows [b, None] with the values alone of which a bool [n] is True; see `row_ids`."""
    before = tf.concat([[0], tf.cumsum(tf.cast(is_picked, tf.int64))], 0)
    return tf.RaggedTensor.from_row_splits(
        tf.boolean_mask(ragged.values, is_picked),
        tf.gather(before, ragged.row_splits),
        validate=False,
    )
