"""Layer normalization (Ba et al., 2016, arXiv:1607.06450, equations 3 and 4)."""

import tensorflow as tf

from tfzoo.kernels.cluster import clustered
from tfzoo.kernels.elementwise import wide


@clustered
def layer_norm(x, gamma, beta, *, epsilon, dtype):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta` over the last axis.

    Args:
        x: float (..., m).
        gamma, beta: float (m,).
        epsilon: float > 0, added to the variance.
        dtype: str, the dtype of the result; the arithmetic is float32.

    Returns:
        float (..., m), in `dtype`.
    """
    x = wide(x)
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
    normal = centred * tf.math.rsqrt(variance + epsilon)
    return tf.cast(normal * tf.cast(gamma, x.dtype) + tf.cast(beta, x.dtype), dtype)
