"""Rows of a table, with a dense gradient that adds to that of a tied output layer."""

import tensorflow as tf

from tfzoo.kernels.cluster import custom_gradient


def embedding_lookup(table, ids):
    """`table[ids]`. table float (v, m), ids int32 (...); returns float (..., m)."""

    @custom_gradient
    def apply(table):
        def gradient(upstream):
            rows = tf.reshape(upstream, [-1, table.shape[-1]])
            return tf.math.unsorted_segment_sum(rows, tf.reshape(ids, [-1]), table.shape[0])

        return tf.gather(table, ids), gradient

    return apply(tf.convert_to_tensor(table))
