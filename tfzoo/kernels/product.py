"""The matrix product of rows with a kernel, which may be cut in two for a single row."""

import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul


def product(x, kernel):
    """`x kernel`.

    Args:
        x: float (n, m).
        kernel: float (m, f), or the (2, m, f / 2) that `halves` made of it.

    Returns:
        float (n, f).
    """
    if kernel.shape.rank == 2:
        return matmul(x, kernel)
    parts = tf.matmul(tf.broadcast_to(x[None], [kernel.shape[0], *x.shape]), kernel)
    return tf.reshape(tf.transpose(parts, [1, 0, 2]), [x.shape[0], -1])


def halves(kernel):
    """Cuts a kernel (m, f) into (2, m, f / 2), unless f is odd: XLA gives each half to a core."""
    if kernel.shape[1] % 2:
        return kernel
    return tf.stack(tf.split(kernel, 2, axis=1))
