"""Dropout whose noise is a hash of the seed and the place: the same bits in every compiled form.

TensorFlow's generators give other bits under XLA, and take ten times as long there.
"""

import tensorflow as tf

from tfzoo.kernels.cluster import clustered


@clustered
def stateless_dropout(x, seed, *, rate):
    """Zeroes a share of `x` and scales up the rest, as a pure function of the seed.

    Args:
        x: float (...), of fewer than 2^31 elements.
        seed: int32 (3,): two numbers that tell noises apart, and the place of `x` among the equal
            parts that a batch was cut into. The parts' noises are that of the whole.
        rate: float in [0, 1), the share to drop.

    Returns:
        float (...), in the dtype of `x`.
    """
    noise = _hash(tf.shape(x), tf.bitcast(seed, tf.uint32))
    kept = noise >= tf.constant(int(rate * 2**32), tf.uint32)
    scale = tf.cast(1.0 / (1.0 - rate), x.dtype)
    return tf.where(kept, x * scale, tf.zeros([], x.dtype))


def _hash(shape, seed):
    """uint32, evenly spread: what two rounds of mixing make of each element's number."""
    size = tf.reduce_prod(shape)
    place = tf.cast(tf.reshape(tf.range(size), shape), tf.uint32)
    place += tf.cast(size, tf.uint32) * seed[2]
    return _mix(_mix(place + seed[0]) + seed[1])


def _mix(x):
    """A bijection of 32 bits in which each bit of `x` flips half of the result's.

    The shifts and factors are those of Wellons's "lowbias32" (2018), found by search.
    """
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = _fold(x, shift) * tf.constant(factor, tf.uint32)
    return _fold(x, 16)


def _fold(x, shift):
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
