"""Bias, activation, residual and dropout: each one pass over memory.

Whatever the compute dtype, arithmetic and the gradients of biases are in float32: a bias gradient
summed in bfloat16 is several per cent off.
"""

import tensorflow as tf

from tfzoo.kernels.cluster import clustered


def wide(x):
    """`x` in the dtype for arithmetic: float32, or float64 if it is that already."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def gelu_tanh(x):
    """Gaussian error linear unit, tanh form (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return 0.5 * x * (1.0 + tf.tanh(0.7978845608028654 * x * (1.0 + 0.044715 * x * x)))


def gelu_erf(x):
    """Gaussian error linear unit, exact (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return 0.5 * x * (1.0 + tf.math.erf(x * 0.7071067811865476))


ACTIVATIONS = {"gelu_tanh": gelu_tanh, "gelu_erf": gelu_erf, "relu": tf.nn.relu}


@clustered
def bias_add(x, bias):
    """`x + bias`. x float (..., f), bias float (f,); returns x's dtype."""
    return tf.cast(wide(x) + wide(bias), x.dtype)


@clustered
def bias_activation(x, bias, *, activation):
    """`activation(x + bias)`. x float (..., f), bias float (f,); returns x's dtype.

    Args:
        activation: str, a name in `ACTIVATIONS`.
    """
    return tf.cast(ACTIVATIONS[activation](wide(x) + wide(bias)), x.dtype)


@clustered
def bias_residual(x, bias, residual):
    """`residual + x + bias`. x float (..., m), bias float (m,); returns the residual's dtype."""
    return residual + tf.cast(wide(x) + wide(bias), residual.dtype)


@clustered
def stateless_dropout(x, seed, *, rate):
    """Zeroes a share of `x` and scales up the rest, as a pure function of the seed.

    Args:
        x: float (...).
        seed: int32 (2,).
        rate: float in [0, 1), the share to drop.
    """
    uniform = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
    scale = tf.cast(1.0 / (1.0 - rate), x.dtype)
    return tf.where(uniform >= rate, x * scale, tf.zeros([], x.dtype))
