"""The matrix product of rows with a kernel, which may be turned for the steps of decoding."""

import tensorflow as tf

from tfzoo.kernels import pairs
from tfzoo.kernels.bfloat16 import matmul, product_dtype

_MOST_PARTS = 64
FEW_ROWS = 4
_NUM_STRIPS = 4


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
    is_even = 2 * _NUM_STRIPS * strip == length and strip <= pairs.LONGEST_SUM
    if kernel.dtype != dtype and is_even and num_rows <= FEW_ROWS:
        halves = tf.reshape(kernel, [width, _NUM_STRIPS, 2, strip])
        return pairs.paired(*tf.unstack(tf.transpose(halves, [2, 1, 0, 3])))
    divisors = (p for p in range(2, _MOST_PARTS + 1) if width % p == 0)
    num_parts = next(divisors, 1) if num_rows == 1 else 1
    return tf.reshape(tf.cast(kernel, dtype), [num_parts, -1, length])


def _of_pairs(x, kernel):
    """A product that XLA makes one loop of for each element, which reads all strips at once.

    It must not unpack the pairs before the loop over tokens, for all of it: so they depend on a
    zero that nobody knows before x.
    """
    num_strips, width, strip = kernel.shape
    rows = tf.cast(x, tf.float32)
    zero = tf.cast(pairs.unknown_zero(rows), tf.uint32)
    rows = tf.reshape(pairs.made_once(rows), [-1, num_strips, 2, 1, strip])
    rows = tf.transpose(rows, [1, 2, 3, 0, 4])
    terms = []
    for words, row in zip(tf.unstack(kernel), tf.unstack(rows), strict=True):
        halves = pairs.parts(tf.bitwise.bitwise_or(words, zero)[:, tf.newaxis])
        terms += [half * of_row for half, of_row in zip(halves, tf.unstack(row), strict=True)]
    return tf.cast(tf.transpose(pairs.summed(tf.add_n(terms))), x.dtype)
