"""Root mean square layer normalization (Zhang & Sennrich, 2019, arXiv:1910.07467, equation 4)."""

import tensorflow as tf

from tfzoo.kernels.cluster import custom_gradient, is_compiled, program
from tfzoo.kernels.elementwise import wide
from tfzoo.kernels.rows import row_dot


def rms_norm(x, gamma, *, epsilon, dtype):
    """`gamma x / sqrt(mean(x^2) + epsilon)` over the last axis.

    Args:
        x: float (..., m).
        gamma: float (m,).
        epsilon: float > 0, added to the mean square.
        dtype: str, the dtype of the result; the arithmetic is float32.

    Returns:
        float (..., m), in `dtype`.
    """
    if not is_compiled():
        return _plain(x, gamma, epsilon, dtype)

    @custom_gradient
    def apply(x, gamma):
        y = _forward(x, gamma, epsilon=epsilon, dtype=dtype)
        return y, lambda dy: _backward(x, gamma, dy, epsilon=epsilon)

    return apply(x, tf.convert_to_tensor(gamma))


def _plain(x, gamma, epsilon, dtype):
    x = wide(x)
    normal = x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + epsilon)
    return tf.cast(normal * tf.cast(gamma, x.dtype), dtype)


@program
def _forward(x, gamma, *, epsilon, dtype):
    normal, _, _ = _normal(x, epsilon)
    return tf.cast(normal * tf.cast(gamma, normal.dtype), dtype)


@program
def _backward(x, gamma, upstream, *, epsilon):
    """The gradients by x and gamma."""
    normal, inverse, share = _normal(x, epsilon)
    dy = tf.cast(upstream, normal.dtype)
    by_normal = dy * normal
    factors = tf.cast(gamma, normal.dtype)
    dx = inverse * (dy * factors - normal * row_dot(by_normal, share * factors))
    d_gamma = tf.reduce_sum(by_normal, list(range(len(x.shape) - 1)))
    return tf.cast(dx, x.dtype), tf.cast(d_gamma, gamma.dtype)


def _normal(x, epsilon):
    """`x` of mean square 1, what it was multiplied by, and the share (m,) of each channel in it."""
    x = wide(x)
    share = tf.fill([x.shape[-1]], tf.constant(1.0 / x.shape[-1], x.dtype))
    inverse = tf.math.rsqrt(row_dot(x * x, share) + epsilon)
    return x * inverse, inverse, share
