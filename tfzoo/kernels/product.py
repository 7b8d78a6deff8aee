"""The matrix product of rows with a kernel, which may be turned for the steps of decoding."""

import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul


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
    if kernel.shape[0] == 1:
        product = matmul(kernel[0], columns)
    else:
        product = matmul(kernel, tf.broadcast_to(columns, [kernel.shape[0], *columns.shape]))
    return tf.cast(tf.transpose(tf.reshape(product, [-1, x.shape[0]])), x.dtype)


def turned(kernel, num_parts):
    """A kernel's transpose, float (f, m), in parts, as XLA's products of few rows read it fastest.

    Each part goes to a core where one row is multiplied.

    Returns:
        float (p, f / p, m), where p is `num_parts`, or 1 if that does not divide f.
    """
    num_parts = 1 if kernel.shape[0] % num_parts else num_parts
    return tf.reshape(kernel, [num_parts, -1, kernel.shape[1]])
