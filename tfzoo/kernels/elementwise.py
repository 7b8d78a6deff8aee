"""Bias, activation and residual: each one pass over memory.

Whatever the compute dtype, arithmetic and the gradients of biases are in float32: a bias gradient
summed in bfloat16 is several per cent off.
"""

import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul
from tfzoo.kernels.cluster import clustered, custom_gradient, is_compiled, program


def wide(x):
    """`x` in the dtype for arithmetic: float32, or float64 if it is that already."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def wide_sum(terms):
    """The sum of tensors of one shape and dtype, in the dtype for arithmetic."""
    if not is_compiled() or terms[0].dtype == wide(terms[0]).dtype:
        return _wide_sum(*terms)
    return _fast_wide_sum(*terms)


def gelu_tanh(x):
    """GELU, tanh form (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return 0.5 * x * (1.0 + tf.tanh(0.7978845608028654 * x * (1.0 + 0.044715 * x * x)))


def gelu_erf(x):
    """GELU, exact (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return 0.5 * x * (1.0 + tf.math.erf(x * 0.7071067811865476))


def silu(x):
    """x times its sigmoid (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return x * tf.sigmoid(x)


ACTIVATIONS = {"gelu_tanh": gelu_tanh, "gelu_erf": gelu_erf, "relu": tf.nn.relu, "silu": silu}


def bias_add(x, bias):
    """`x + bias`. x float (..., f), bias float (f,); returns x's dtype."""
    if not is_compiled():
        return _add(x, bias)

    @custom_gradient
    def apply(x, bias):
        return _fast_add(x, bias), lambda dy: (dy, row_sum(dy))

    return apply(x, tf.convert_to_tensor(bias))


@clustered
def bias_activation(x, bias=None, *, activation):
    """`activation(x + bias)`. x float (..., f), bias float (f,) or None; returns x's dtype.

    Args:
        activation: str, a name in `ACTIVATIONS`.
    """
    shifted = wide(x) if bias is None else wide(x) + wide(bias)
    return tf.cast(ACTIVATIONS[activation](shifted), x.dtype)


@clustered
def gated_activation(gate, x, *, activation):
    """`activation(gate) x` (Shazeer, 2020, arXiv:2002.05202), of two float (..., f) of one dtype.

    Args:
        activation: str, a name in `ACTIVATIONS`.
    """
    return tf.cast(ACTIVATIONS[activation](wide(gate)) * wide(x), x.dtype)


def bias_residual(x, bias, residual):
    """`residual + x + bias`. x float (..., m), bias float (m,); returns the residual's dtype."""
    if not is_compiled():
        return _add_residual(x, bias, residual)

    @custom_gradient
    def apply(x, bias, residual):
        y = _fast_add_residual(x, bias, residual)
        return y, lambda dy: (tf.cast(dy, x.dtype), _fast_row_sum(dy), dy)

    return apply(x, tf.convert_to_tensor(bias), residual)


def row_sum(x):
    """The sum of all rows, in the dtype for arithmetic. x float (..., m); returns (m,)."""
    return _product_row_sum(x) if x.dtype == tf.bfloat16 else _fast_row_sum(x)


def _add(x, bias):
    return tf.cast(wide(x) + wide(bias), x.dtype)


def _add_residual(x, bias, residual):
    return residual + tf.cast(wide(x) + wide(bias), residual.dtype)


def _row_sum(x):
    return tf.reduce_sum(wide(x), list(range(len(x.shape) - 1)))


def _product_row_sum(x):
    """The same as a product with a row of ones, summed in float32: half the time for bfloat16."""
    rows = tf.reshape(x, [-1, x.shape[-1]])
    ones = tf.ones([1, tf.shape(rows)[0]], x.dtype)
    return tf.reshape(wide(matmul(ones, rows)), [-1])


def _wide_sum(*terms):
    return tf.add_n([wide(x) for x in terms])


_fast_add, _fast_add_residual, _fast_row_sum, _fast_wide_sum = map(
    program, (_add, _add_residual, _row_sum, _wide_sum)
)
