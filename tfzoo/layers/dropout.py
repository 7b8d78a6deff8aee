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
        seed: int32 tensor (2,), another at each step, microbatch and replica.
    """
    global _seed
    before, _seed = _seed, seed
    try:
        yield
    finally:
        _seed = before


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
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be at least 0 and below 1. Received: rate={rate}")
        self.rate = rate

    def build(self, input_shape=None):
        if self.rate:
            self.seed_generator = keras.random.SeedGenerator(name="seed_generator")

    def call(self, x, training=None):
        if not (training and self.rate):
            return x
        if _seed is None:
            return keras.random.dropout(x, self.rate, seed=self.seed_generator)
        salt = tf.constant([zlib.crc32(self.path.encode()) & 0x7FFFFFFF, 0], tf.int32)
        return kernels.stateless_dropout(x, tf.bitwise.bitwise_xor(_seed, salt), rate=self.rate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
