"""Dropout (Srivastava et al., 2014) whose noise can be a pure function of a seed."""

import contextlib
import zlib

import keras
import tensorflow as tf

from tfzoo import kernels

_seed = None  # Of the module, not of the thread: replicas are traced in threads of their own.


@contextlib.contextmanager
def dropout_seed(seed):
    """While it lasts, each `Dropout` draws a pure function of `seed` and of its own path.

    So a training step repeats exactly what it drew, whether resumed or recomputed, without any
    generator state. Outside of it, layers draw from a Keras `SeedGenerator`.

    Args:
        seed: int32 tensor (3,): two numbers, others at each step, and the place of this pass's rows
            among the equal parts of the step's batch. A batch then drops the same in any cut.
    """
    global _seed
    before, _seed = _seed, seed
    try:
        yield
    finally:
        _seed = before


class InPlace:
    """A layer at one of the places where it is applied: it drops something else at each.

    Args:
        layer: Keras layer.
        place: int.
    """

    def __init__(self, layer, place):
        self.layer = layer
        self.place = place

    @property
    def trainable_variables(self):
        return self.layer.trainable_variables

    def __call__(self, *args, **kwargs):
        if _seed is None:
            return self.layer(*args, **kwargs)
        salt = tf.constant([zlib.crc32(b"place %d" % self.place) & 0x7FFFFFFF, 0, 0], tf.int32)
        with dropout_seed(tf.bitwise.bitwise_xor(_seed, salt)):
            return self.layer(*args, **kwargs)


@keras.saving.register_keras_serializable(package="tfzoo")
class Dropout(keras.layers.Layer):
    """Zeroes a share of its input in training and scales up the rest.

    Args:
        rate: float in [0, 1), the share to drop.

    Call arguments:
        x: float (...).
        training: bool. Without training, `x` is returned as it is.

    Returns:
        float (...), in the dtype of `x`.

    Raises:
        ValueError: if `rate` is not in [0, 1).
    """

    def __init__(self, rate, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be at least 0 and below 1. Received: rate={rate}")
        self.rate = rate

    def build(self, input_shape=None):
        if self.rate:
            self.seed_generator = keras.random.SeedGenerator(name="seed_generator")

    def call(self, x, training=None):
        if not (training and self.rate):
            return x
        return kernels.stateless_dropout(x, self.new_seed(), rate=self.rate)

    def new_seed(self):
        """int32 (3,): the seed of this layer's noise, for one use."""
        if _seed is None:
            drawn = tf.math.floormod(self.seed_generator.next(), tf.int32.max)
            return tf.concat([tf.cast(drawn, tf.int32), [0]], 0)
        salt = tf.constant([zlib.crc32(self.path.encode()) & 0x7FFFFFFF, 0, 0], tf.int32)
        return tf.bitwise.bitwise_xor(_seed, salt)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
