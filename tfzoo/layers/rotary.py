"""Rotary position embedding (Su et al., 2021, arXiv:2104.09864)."""

import dataclasses
import math

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotaryScaling:
    """Slower angles, for contexts longer than those of the first training.

    Attributes:
        factor: float >= 1, by which wavelengths grow (Chen et al., 2023, arXiv:2306.15595, equation
            4): all of them, or with the following fields those that are long.
        original_length: int, tokens of the first training, or None. Wavelengths above
            `original_length / low_frequency_factor` grow, those below
            `original_length / high_frequency_factor` stay, and between the two the growth sets in
            gradually (Llama 3.1, 2024, published code).
        low_frequency_factor, high_frequency_factor: float.
    """

    factor: float
    original_length: int | None = None
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0

    def scaled(self, frequencies):
        """Angles of one position, slowed. float32 (n,) to float32 (n,)."""
        if self.original_length is None:
            return frequencies / self.factor
        turns = self.original_length * frequencies / (2 * math.pi)  # In the original context.
        low, high = self.low_frequency_factor, self.high_frequency_factor
        kept = tf.clip_by_value((turns - low) / (high - low), 0.0, 1.0)
        return kept * frequencies + (1.0 - kept) * frequencies / self.factor


def rotary_angles(positions, width, base=10_000.0, scaling=None):
    """`position * base^(-2i / width)` for i = 0, 1, ..., width / 2 - 1 (equation 15).

    Always float32: in bfloat16 position 257 would be 256.

    Args:
        positions: int (t,).
        width: int, even: channels that are turned.
        base: float.
        scaling: `RotaryScaling`, or None.

    Returns:
        float32 (t, width / 2).
    """
    exponent = tf.range(0, width, 2, dtype=tf.float32) / float(width)
    frequencies = base**-exponent
    if scaling is not None:
        frequencies = scaling.scaled(frequencies)
    return tf.cast(positions, tf.float32)[:, None] * frequencies


@keras.saving.register_keras_serializable(package="tfzoo")
class RotaryEmbedding(keras.layers.Layer):
    """Turns pairs of channels by angles that grow with the position. It has no weights.

    The product of a query and a key so turned depends on their distance, not on where they stand:
    columns serve as positions, whatever padding or other documents lie before. Channel i is paired
    with channel i + r/2, as GPT-NeoX and Llama do, rather than with its neighbour.

    Args:
        rotary_dim: int, even: r, channels of each head that are turned, the first ones; None: all.
        base: float > 1; the longest wavelength is about 2 pi times it.
        scaling: `RotaryScaling`, a dict of its fields, or None.

    Call arguments:
        x: float (b, h, t, d), queries or keys.
        first: int32 scalar, the position of the first; t stands for the ones after it.

    Returns:
        float (b, h, t, d), in the dtype of `x`. The arithmetic is float32.

    Raises:
        ValueError: if `rotary_dim` is odd or more than d.
    """

    def __init__(self, rotary_dim=None, *, base=10_000.0, scaling=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.rotary_dim = rotary_dim
        self.base = base
        self.scaling = RotaryScaling(**scaling) if isinstance(scaling, dict) else scaling
        self.built = True

    def call(self, x, first=0):
        width = x.shape[-1] if self.rotary_dim is None else self.rotary_dim
        if width % 2 or width > x.shape[-1]:
            raise ValueError(
                "`rotary_dim` must be even and at most the width of a head. "
                f"Received: rotary_dim={width}, head width={x.shape[-1]}."
            )
        angles = rotary_angles(first + tf.range(shapes.size(x, 2)), width, self.base, self.scaling)
        return kernels.rotate(x, tf.cos(angles), tf.sin(angles))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        scaling = None if self.scaling is None else dataclasses.asdict(self.scaling)
        return {
            **super().get_config(),
            "rotary_dim": self.rotary_dim,
            "base": self.base,
            "scaling": scaling,
        }
