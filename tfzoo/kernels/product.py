"""The matrix product of rows with a kernel, which may be turned for the steps of decoding."""

import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul

_MOST_PARTS = 64


def product(x, kernel):
    """`x kernel`.

    Args:
        x: float (n, m).
        kernel: float (m, f), or the (p, f / p, m) that `turned` made of it.

    Returns:
        float (n, f), in the dtype of x.
    """
    if kernel.shape.rank == 2:
        return matmul(x, kernel)
    columns = tf.transpose(tf.cast(x, kernel.dtype))
    if kernel.shape[0] == 1:  # The bound is none: XLA would fold both transposes into the product.
        product = tf.maximum(matmul(kernel[0], columns), kernel.dtype.min)
    else:
        product = matmul(kernel, tf.broadcast_to(columns, [kernel.shape[0], *columns.shape]))
    return tf.cast(tf.transpose(tf.reshape(product, [-1, x.shape[0]])), x.dtype)


def turned(kernel, for_one_row):
    """A kernel's transpose, float (f, m), in parts, as XLA's products of few rows read it fastest.

    The product of one row is shared among cores by these parts alone.

    Returns:
        float (p, f / p, m), where p is 1; or, for one row, the smallest divisor of f from 2 to 64.
    """
    width = kernel.shape[0]
    divisors = (p for p in range(2, _MOST_PARTS + 1) if width % p == 0)
    num_parts = next(divisors, 1) if for_one_row else 1
    return tf.reshape(kernel, [num_parts, -1, kernel.shape[1]])
