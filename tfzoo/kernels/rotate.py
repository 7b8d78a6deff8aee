"""The rotation of rotary position embedding (Su et al., 2021, arXiv:2104.09864, equation 34)."""

import tensorflow as tf

from tfzoo.kernels.cluster import custom_gradient, is_compiled, program
from tfzoo.kernels.elementwise import wide


def rotate(x, cosines, sines):
    """Turns channels i and r/2 + i of each position by its angle i; channels from r on stay.

    Args:
        x: float (b, h, t, d).
        cosines, sines: float32 (t, r / 2), of the angles; they get no gradient.

    Returns:
        float (b, h, t, d), in the dtype of `x`. The arithmetic is float32.
    """
    if not is_compiled():
        return _rotate(x, cosines, sines)

    @custom_gradient
    def apply(x):
        return _fast_rotate(x, cosines, sines), lambda dy: _fast_rotate(dy, cosines, -sines)

    return apply(x)


def _rotate(x, cosines, sines):
    half = cosines.shape[-1]
    first, second, rest = tf.split(x, [half, half, x.shape[-1] - 2 * half], axis=-1)
    a, b = wide(first), wide(second)
    cosines, sines = tf.cast(cosines, a.dtype), tf.cast(sines, a.dtype)
    turned = [a * cosines - b * sines, b * cosines + a * sines]
    return tf.concat([*(tf.cast(part, x.dtype) for part in turned), rest], -1)


_fast_rotate = program(_rotate)
