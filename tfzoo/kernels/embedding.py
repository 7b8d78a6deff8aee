"""Rows of a table, with a dense gradient that adds to that of a tied output layer."""

import tensorflow as tf


@tf.custom_gradient
def embedding_lookup(table, ids):
    """`table[ids]`. table float (v, m), ids int32 (...); returns float (..., m)."""

    def gradient(upstream):
        rows = tf.reshape(upstream, [-1, table.shape[-1]])
        return tf.math.unsorted_segment_sum(rows, tf.reshape(ids, [-1]), table.shape[0]), None

    return tf.gather(table, ids), gradient
