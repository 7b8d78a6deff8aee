"""Softmax over the tokens that may be read (Vaswani et al., 2017, arXiv:1706.03762, equation 1)."""

import tensorflow as tf

from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.elementwise import wide


def masked_softmax(scores, mask, *, scale):
    """`softmax(scale * scores)` over the keys that the mask allows.

    Args:
        scores: float (b, h, t, s), products of queries and keys.
        mask: bool, broadcastable to (b, h, t, s): True where a key may be read. A query that may
            read nothing reads all evenly: what it gives is of no use, but finite.
        scale: float, `1 / sqrt(d)`.

    Returns:
        float (b, h, t, s), in the dtype of `scores`; the arithmetic is float32.
    """
    if not is_compiled():
        return _plain(scores, mask, scale=scale)

    @tf.custom_gradient
    def apply(scores):
        weights = _forward(scores, mask, scale=scale)
        return weights, lambda dy: _backward(weights, dy, scale=scale)

    return apply(scores)


def _plain(scores, mask, *, scale):
    logits = wide(scores) * scale
    logits = tf.where(mask, logits, tf.constant(-1e9, logits.dtype))  # not -inf: no NaN from a row
    return tf.cast(tf.nn.softmax(logits), scores.dtype)


def _gradient(weights, upstream, *, scale):
    p, dy = wide(weights), wide(upstream)
    flow = p * dy
    return tf.cast(scale * (flow - p * tf.reduce_sum(flow, -1, keepdims=True)), weights.dtype)


_forward = program(_plain)
_backward = program(_gradient)
