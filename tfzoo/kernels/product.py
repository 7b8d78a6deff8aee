"""The matrix product of rows with a kernel, which may be turned for the steps of decoding."""

import numpy as np
import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul, product_dtype

_MOST_PARTS = 64
FEW_ROWS = 4
_NUM_STRIPS = 4
_LONGEST_STRIP = 4095  # XLA makes no loop of a product with a vector of 16 kB.
_HIGH, _LOW = np.uint32(0xFFFF0000), np.uint32(16)


def product(x, kernel):
    """`x kernel`.

    Args:
        x: float (n, m).
        kernel: float (m, f), cast to what products of x are made in, or what `turned` made of it.

    Returns:
        float (n, f), in the dtype of x.
    """
    if kernel.shape.rank == 2:
        return matmul(x, tf.cast(kernel, product_dtype(x.dtype)))
    if kernel.dtype == tf.uint32:
        return _of_pairs(x, kernel)
    columns = tf.transpose(tf.cast(x, kernel.dtype))
    if kernel.shape[0] == 1:  # The bound is none: XLA would fold both transposes into the product.
        product = tf.maximum(matmul(kernel[0], columns), kernel.dtype.min)
    else:
        product = matmul(kernel, tf.broadcast_to(columns, [kernel.shape[0], *columns.shape]))
    return tf.cast(tf.transpose(tf.reshape(product, [-1, x.shape[0]])), x.dtype)


def turned(kernel, num_rows):
    """A kernel's transpose, float (f, m), as XLA's products of few rows read it fastest.

    It comes in parts, since the product of one row is shared among cores by them alone. Where
    bfloat16 is multiplied in float32, up to four rows read it as it is, two numbers at a time:
    twice as fast, since they wait for memory.

    Args:
        kernel: float (f, m).
        num_rows: int > 0, of what will be multiplied.

    Returns:
        float (p, f / p, m), in what products are made in. p is 1; or, for one row, the smallest
        divisor of f from 2 to 64. Or of pairs of bfloat16 uint32 (4, f, m / 8): four strips, the
        first half of each in the upper 16 bits, the second in the lower.
    """
    width, length = kernel.shape
    dtype, strip = product_dtype(kernel.dtype), length // (2 * _NUM_STRIPS)
    is_even = 2 * _NUM_STRIPS * strip == length and strip <= _LONGEST_STRIP
    if kernel.dtype != dtype and is_even and num_rows <= FEW_ROWS:
        return _paired(tf.reshape(kernel, [width, _NUM_STRIPS, 2, strip]))
    divisors = (p for p in range(2, _MOST_PARTS + 1) if width % p == 0)
    num_parts = next(divisors, 1) if num_rows == 1 else 1
    return tf.reshape(tf.cast(kernel, dtype), [num_parts, -1, length])


def _paired(halves):
    """bfloat16 (f, s, 2, k) to uint32 (s, f, k), the first half above."""
    bits = tf.cast(tf.bitcast(tf.transpose(halves, [2, 1, 0, 3]), tf.uint16), tf.uint32)
    return tf.bitwise.bitwise_or(tf.bitwise.left_shift(bits[0], _LOW), bits[1])


def _of_pairs(x, pairs):
    """A product that XLA makes one loop of for each element, which reads all strips at once.

    It does so for what is multiplied by a short vector, here by ones, and adds that up in any
    order. It must not unpack the pairs before the loop over tokens, for all of it, nor make x anew
    for each column: so both depend on a zero that nobody knows before x.
    """
    num_strips, width, strip = pairs.shape
    rows = tf.cast(x, tf.float32)
    zero = tf.cast(tf.math.is_nan(rows[0, 0]) & (rows[0, 0] == 0), tf.float32)
    rows = rows / (1 + zero)
    rows = tf.transpose(tf.reshape(rows, [-1, num_strips, 2, 1, strip]), [1, 2, 3, 0, 4])
    terms = []
    for some, row in zip(tf.unstack(pairs), tf.unstack(rows), strict=True):
        some = tf.bitwise.bitwise_or(some, tf.cast(zero, tf.uint32))[:, tf.newaxis]
        terms.append(tf.bitcast(tf.bitwise.bitwise_and(some, _HIGH), tf.float32) * row[0])
        terms.append(tf.bitcast(tf.bitwise.left_shift(some, _LOW), tf.float32) * row[1])
    terms = tf.reshape(tf.add_n(terms), [-1, strip])
    product = tf.reshape(tf.linalg.matvec(terms, tf.ones([strip])), [width, -1])
    return tf.cast(tf.transpose(product), x.dtype)
