"""Sums and maxima along rows, in the forms that XLA's CPU compiler makes vector code of.

A reduction over the last axis of what was just computed becomes scalar code there, three times
slower than a product with a column, or than a reduction over an axis before the last.
"""

import tensorflow as tf

from tfzoo.kernels.shapes import with_last

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
    return with_last(sums, x, 1)


def row_max(x):
    """Maxima over the last axis. x float (..., m), of known shape; returns float (..., 1)."""
    width = x.shape[-1]
    if width % LANES:
        return tf.reduce_max(x, -1, keepdims=True)
    lanes = tf.reduce_max(with_last(x, x, width // LANES, LANES), -2)
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = tf.maximum(lanes[..., :half], lanes[..., half:])
    return lanes
