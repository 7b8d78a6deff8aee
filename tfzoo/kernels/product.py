"""The matrix product of rows with a kernel, which may be turned for the steps of decoding."""

import tensorflow as tf

from tfzoo.kernels import pairs
from tfzoo.kernels.bfloat16 import matmul, product_dtype

_MOST_PARTS = 64
FEW_ROWS = 8
_NUM_STRIPS = 4
_LONGEST_PART = 768  # Of few rows a core's first cache holds so much: 24 kB.


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
    bfloat16 is multiplied in float32, up to eight rows read it as it is, two numbers at a time:
    up to twice as fast, since they wait for memory.

    Args:
        kernel: float (f, m).
        num_rows: int > 0, of what will be multiplied.

    Returns:
        float (p, f / p, m), in what products are made in. p is 1; or, for one row, the smallest
        divisor of f from 2 to 64. Or of pairs of bfloat16 uint32 (4, p, f, m / 8p), for each of p
        parts of the length four strips: the first half of each in the upper 16 bits, the second in
        the lower. p is the smallest that leaves parts of at most 768 numbers.
    """
    width, length = kernel.shape
    dtype = product_dtype(kernel.dtype)
    if kernel.dtype != dtype and num_rows <= FEW_ROWS:
        divisors = (p for p in range(1, _MOST_PARTS + 1) if length % (2 * _NUM_STRIPS * p) == 0)
        num_parts = next((p for p in divisors if length <= p * _LONGEST_PART), None)
        if num_parts:
            halves = tf.reshape(kernel, [width, num_parts, _NUM_STRIPS, 2, -1])
            return pairs.paired(*tf.unstack(tf.transpose(halves, [3, 2, 1, 0, 4])))
    divisors = (p for p in range(2, _MOST_PARTS + 1) if width % p == 0)
    num_parts = next(divisors, 1) if num_rows == 1 else 1
    return tf.reshape(tf.cast(kernel, dtype), [num_parts, -1, length])


def _of_pairs(x, kernel):
    """A product that XLA makes one loop of for each element, which reads all strips at once.

    It must not unpack the pairs before the loop over tokens, for all of it: so they depend on a
    zero that nobody knows before x. The terms are summed in two halves, beside each other: an
    addition to a sum waits for the one before.
    """
    num_strips, num_parts, _, strip = kernel.shape
    rows = tf.cast(x, tf.float32)
    zero = tf.cast(pairs.unknown_zero(rows), tf.uint32)
    rows = tf.reshape(pairs.made_once(rows), [-1, num_parts, num_strips, 2, 1, strip])
    rows = tf.transpose(rows, [2, 3, 1, 4, 0, 5])
    terms = []
    for words, row in zip(tf.unstack(kernel), tf.unstack(rows), strict=True):
        halves = pairs.parts(tf.bitwise.bitwise_or(words, zero)[:, :, tf.newaxis])
        terms += [half * of_row for half, of_row in zip(halves, tf.unstack(row), strict=True)]
    terms = tf.add_n(terms[:num_strips]) + tf.add_n(terms[num_strips:])
    products = tf.add_n(tf.unstack(pairs.summed(terms)))  # Of each part, (f, n).
    return tf.cast(tf.transpose(products), x.dtype)
