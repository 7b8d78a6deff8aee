"""Layer normalization (Ba et al., 2016, arXiv:1607.06450, equations 3 and 4)."""

import tensorflow as tf

from tfzoo.kernels.cluster import custom_gradient, is_compiled, program
from tfzoo.kernels.elementwise import wide
from tfzoo.kernels.rows import row_dot


def layer_norm(x, gamma, beta=None, *, epsilon, dtype):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta` over the last axis.

    Args:
        x: float (..., m).
        gamma: float (m,).
        beta: float (m,), or None: nothing is added.
        epsilon: float > 0, added to the variance.
        dtype: str, the dtype of the result; the arithmetic is float32.

    Returns:
        float (..., m), in `dtype`.
    """
    betas = [] if beta is None else [beta]
    if not is_compiled():
        return _plain(x, gamma, betas, epsilon, dtype)

    @custom_gradient
    def apply(x, gamma, *betas):
        y = _forward(x, gamma, *betas, epsilon=epsilon, dtype=dtype)
        return y, lambda dy: _backward(x, gamma, dy, epsilon=epsilon, shifted=bool(betas))

    return apply(*map(tf.convert_to_tensor, (x, gamma, *betas)))


def _plain(x, gamma, betas, epsilon, dtype):
    x = wide(x)
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
    normal = centred * tf.math.rsqrt(variance + epsilon)
    return tf.cast(_scaled(normal, gamma, betas), dtype)


@program
def _forward(x, gamma, *betas, epsilon, dtype):
    normal, _ = _normal(x, epsilon)
    return tf.cast(_scaled(normal, gamma, betas), dtype)


@program
def _backward(x, gamma, upstream, *, epsilon, shifted):
    """The gradients by x, gamma and, if it is shifted, beta."""
    normal, inverse = _normal(x, epsilon)
    dy, factors = tf.cast(upstream, normal.dtype), tf.cast(gamma, normal.dtype)
    by_normal = dy * normal
    share = factors / x.shape[-1]
    dx = inverse * (dy * factors - row_dot(dy, share) - normal * row_dot(by_normal, share))
    rows = list(range(len(x.shape) - 1))
    sums = [tf.reduce_sum(y, rows) for y in ((by_normal, dy) if shifted else (by_normal,))]
    return tf.cast(dx, x.dtype), *(tf.cast(y, gamma.dtype) for y in sums)


def _scaled(normal, gamma, betas):
    y = normal * tf.cast(gamma, normal.dtype)
    return y + tf.cast(betas[0], y.dtype) if betas else y


def _normal(x, epsilon):
    """`x` with mean 0 and variance 1, and what its deviations were multiplied by."""
    x = wide(x)
    share = tf.fill([x.shape[-1]], tf.constant(1.0 / x.shape[-1], x.dtype))
    centred = x - row_dot(x, share)
    inverse = tf.math.rsqrt(row_dot(centred * centred, share) + epsilon)
    return centred * inverse, inverse
