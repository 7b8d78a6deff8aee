"""Random numbers that are a pure function of (seed, step), in every batch and on every device."""

import tensorflow as tf

GOLDEN_GAMMA = 0x9E3779B97F4A7C15


def uniform(seed, step):
    """Number `step` of the stream that SplitMix64 makes of `seed`.

    Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators", figure 13. The
    seeds are mixed first, so that neighbouring seeds do not share their streams.

    Args:
        seed: int64 (b,).
        step: int32 () or (b,), 0 or more.

    Returns:
        float32 (b,) in [0, 1), with 24 random bits.
    """
    start = _mix(tf.bitcast(seed, tf.uint64) + _uint64(GOLDEN_GAMMA))
    state = start + tf.cast(step + 1, tf.uint64) * _uint64(GOLDEN_GAMMA)
    bits = tf.bitwise.right_shift(_mix(state), _uint64(40))
    return tf.cast(bits, tf.float32) * 2.0**-24


def _mix(z):
    z = _xor_shift(z, 30) * _uint64(0xBF58476D1CE4E5B9)
    z = _xor_shift(z, 27) * _uint64(0x94D049BB133111EB)
    return _xor_shift(z, 31)


def _xor_shift(z, places):
    return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _uint64(places)))


def _uint64(value):
    return tf.constant(value, tf.uint64)
