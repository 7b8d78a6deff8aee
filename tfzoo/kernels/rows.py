"""Sums and maxima along rows, in the forms that XLA's CPU compiler makes vector code of.

A reduction over the last axis of what was just computed becomes scalar code there, three times
slower than a product with a column, or than a reduction over an axis before the last.
"""

import tensorflow as tf

LANES = 16  # Floats of the widest vector register.


def row_dot(x, factors):
    """Sums of `x * factors` over the last axis.

    Args:
        x: float (..., m), of known shape, as every tensor of a compiled program is.
        factors: float (m,), in the dtype of `x`.

    Returns:
        float (..., 1).
    """
    if tf.config.list_physical_devices("GPU"):  # Products may be rounded to TF32 there.
        return tf.reduce_sum(x * factors, -1, keepdims=True)
    sums = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), factors[:, None])
    return tf.reshape(sums, tf.concat([tf.shape(x)[:-1], [1]], 0))


def row_max(x):
    """Maxima over the last axis. x float (..., m), of known shape; returns float (..., 1)."""
    width = x.shape[-1]
    if width % LANES:
        return tf.reduce_max(x, -1, keepdims=True)
    shape = tf.concat([tf.shape(x)[:-1], [width // LANES, LANES]], 0)
    lanes = tf.reduce_max(tf.reshape(x, shape), -2)
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = tf.maximum(lanes[..., :half], lanes[..., half:])
    return lanes
