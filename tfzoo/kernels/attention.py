"""Scaled dot-product attention (Vaswani et al., 2017, arXiv:1706.03762, equation 1)."""

import tensorflow as tf

from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.dropout import stateless_dropout
from tfzoo.kernels.elementwise import wide


def attention(query, key, value, mask, *, scale, dropout=0.0, seed=None):
    """`softmax(scale * query key^T) value`, over the keys that the mask allows.

    Args:
        query: float (b, h, t, d).
        key, value: float (b, h, s, d).
        mask: bool, broadcastable to (b, h, t, s): True where a key may be read. A query that may
            read nothing reads all evenly: what it gives is of no use, but finite.
        scale: float, `1 / sqrt(d)`.
        dropout: float in [0, 1), the share of the weights to drop.
        seed: int32 (3,), as for `stateless_dropout`; None where nothing is dropped.

    Returns:
        float (b, h, t, d), in the dtype of `query`. The softmax is computed in float32.
    """

    def dropped(weights):
        return stateless_dropout(weights, seed, rate=dropout) if dropout else weights

    one_query = query.shape[2] == 1  # A step of cached decoding: nothing to gain.
    if one_query or not is_compiled():
        weights = masked_softmax(tf.matmul(query, key, transpose_b=True), mask, scale=scale)
        return tf.matmul(dropped(weights), value)

    @tf.custom_gradient
    def apply(query, key, value):
        scores = tf.matmul(query, key, transpose_b=True)
        weights = tf.nn.softmax(_masked(scores, mask, scale=scale))
        kept = dropped(weights)
        read = tf.matmul(kept, value)

        def gradients(d_read):
            d_weights = dropped(tf.matmul(d_read, value, transpose_b=True))
            d_scores = _softmax_gradient(weights, d_weights, read, d_read, scale=scale)
            return (
                tf.matmul(d_scores, key),
                tf.matmul(d_scores, query, transpose_a=True),
                tf.matmul(kept, d_read, transpose_a=True),
            )

        return read, gradients

    return apply(query, key, value)


def masked_softmax(scores, mask, *, scale):
    """`softmax(scale * scores)` over the keys that the mask allows, as plain TensorFlow.

    Args:
        scores: float (b, h, t, s), products of queries and keys.
        mask, scale: as for `attention`.

    Returns:
        float (b, h, t, s), in the dtype of `scores`.
    """
    logits = tf.where(mask, wide(scores) * scale, -1e9)  # Not -inf: no NaN from a masked row.
    return tf.cast(tf.nn.softmax(logits), scores.dtype)


@program
def _masked(scores, mask, *, scale):
    logits = wide(scores) * scale
    lowest = tf.constant(0.5 * scores.dtype.min, scores.dtype)
    return tf.where(mask, tf.cast(logits, scores.dtype), lowest)


@program
def _softmax_gradient(weights, d_weights, read, d_read, *, scale):
    """Of scores, by Dao et al. (2022, arXiv:2205.14135, appendix B.2).

    The sum of weights times their gradients along a row is that of `read * d_read`, which is short.
    """
    flow = tf.reduce_sum(wide(read) * wide(d_read), -1, keepdims=True)
    return tf.cast(scale * wide(weights) * (wide(d_weights) - flow), weights.dtype)
