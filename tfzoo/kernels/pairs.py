"""bfloat16 as XLA's loops on a CPU read it fastest: two numbers a word, uint32.

XLA holds bfloat16 a second time in float32 before it multiplies, since its loops on a CPU have no
bfloat16. A loop that unpacks words as it goes reads half of the bytes. XLA makes one such loop,
shared among cores, of a product with a short vector and of all that leads to it.
"""

import numpy as np
import tensorflow as tf

LONGEST_SUM = 4095  # XLA makes no loop of a product with a vector of 16 kB.
_HIGH, _LOW = np.uint32(0xFFFF0000), np.uint32(16)


def paired(high, low):
    """Two tensors, rounded to bfloat16, as words: the first in the upper 16 bits, uint32."""
    return tf.bitwise.bitwise_or(tf.bitwise.left_shift(_bits(high), _LOW), _bits(low))


def parts(words):
    """What `paired` joined: two tensors, float32."""
    high, low = tf.bitwise.bitwise_and(words, _HIGH), tf.bitwise.left_shift(words, _LOW)
    return tf.bitcast(high, tf.float32), tf.bitcast(low, tf.float32)


def summed(terms):
    """The sum along the last axis, of at most `LONGEST_SUM` float32, in any order."""
    length = terms.shape[-1]
    sums = tf.linalg.matvec(tf.reshape(terms, [-1, length]), tf.ones([length]))
    return tf.reshape(sums, terms.shape[:-1])


def unknown_zero(x):
    """A zero that XLA does not know before x, float32 ()."""
    first = tf.reshape(x, [-1])[0]
    return tf.cast(tf.math.is_nan(first) & (first == 0), tf.float32)


def made_once(x):
    """x, float32, which XLA does not make anew for each number that it is used for."""
    return x / (1 + unknown_zero(x))


def _bits(x):
    return tf.cast(tf.bitcast(tf.cast(x, tf.bfloat16), tf.uint16), tf.uint32)
