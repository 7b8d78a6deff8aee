"""What tells a transformer the order of its tokens, added to their embeddings."""

import keras
import tensorflow as tf

from tfzoo import kernels


def sinusoids(positions, width, max_wavelength=10_000.0):
    """`PE(p, 2i) = sin(p / w^(2i/m))`, `PE(p, 2i+1) = cos(p / w^(2i/m))`.

    Vaswani et al., 2017, arXiv:1706.03762, section 3.5, with w = 10000. Always float32: in bfloat16
    position 257 would be 256.

    Args:
        positions: int (...).
        width: int, m.
        max_wavelength: float, w.

    Returns:
        float32 (..., m).
    """
    channel = tf.range(width)
    exponent = tf.cast(channel // 2 * 2, tf.float32) / float(width)
    angle = tf.cast(positions, tf.float32)[..., None] * max_wavelength**-exponent
    return tf.where(channel % 2 == 0, tf.sin(angle), tf.cos(angle))


@keras.saving.register_keras_serializable(package="tfzoo")
class PositionalEncoding(keras.layers.Layer):
    """Adds sinusoids of the position (Vaswani et al., 2017, section 3.5). It has no weights.

    Args:
        max_wavelength: float > 0, the longest wavelength over 2 pi.

    Call arguments:
        x: float (b, t, m), token embeddings (not token ids).
        positions: int (b, t), or None: 0, 1, 2, ... in each row.

    Returns:
        float (b, t, m), in the dtype of `x`.
    """

    def __init__(self, max_wavelength=10_000.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.max_wavelength = max_wavelength
        self.built = True

    def call(self, x, positions=None):
        if positions is None:
            positions = tf.range(tf.shape(x)[1])[None]
        return x + tf.cast(sinusoids(positions, x.shape[-1], self.max_wavelength), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}


@keras.saving.register_keras_serializable(package="tfzoo")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector for each position.

    Args:
        max_length: int > 0, positions that can be told apart.
        initializer: Keras initializer of the vectors.

    Call arguments:
        x: float (b, t, m), token embeddings (not token ids).
        positions: int (b, t), or None: 0, 1, 2, ... in each row.

    Returns:
        float (b, t, m), in the dtype of `x`.

    Raises:
        ValueError: if t is known and more than `max_length`.
    """

    def __init__(self, max_length, *, initializer="uniform", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.max_length = max_length
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_length, input_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, x, positions=None):
        table = self.embeddings.value
        if positions is not None:
            return x + tf.cast(kernels.embedding_lookup(table, positions), x.dtype)
        if x.shape[1] is not None and x.shape[1] > self.max_length:
            raise ValueError(
                "A row must be no longer than `max_length`. "
                f"Received: {x.shape[1]} tokens, max_length={self.max_length}."
            )
        return x + tf.cast(table[: tf.shape(x)[1]], x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "max_length": self.max_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
