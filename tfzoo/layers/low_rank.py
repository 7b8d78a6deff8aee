"""Low-rank adaptation (Hu et al., 2021, "LoRA", arXiv:2106.09685)."""

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes
from tfzoo.layers.dropout import Dropout


@keras.saving.register_keras_serializable(package="tfzoo")
class LowRankUpdate(keras.layers.Layer):
    """`alpha / rank x A B`, to be added to a product `x W` whose W stays as it is (eq. 3).

    A starts from normal numbers, of a third of the variance that keeps the size of x; B from zeros,
    so that at first nothing is added.

    Args:
        units: int > 0, width of the result.
        rank: int > 0, the width between A and B.
        alpha: float. What is added is scaled by alpha / rank.
        dropout: float in [0, 1), share of x to drop.

    Call arguments:
        x: float (..., m).
        training: bool. Whether to drop.

    Returns:
        float (..., units), in the compute dtype.
    """

    def __init__(self, units, *, rank, alpha, dropout=0.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.units = units
        self.rank = rank
        self.alpha = alpha
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        width = input_shape[-1]
        self.lora_a = self.add_weight(
            name="lora_a",
            shape=(width, self.rank),
            initializer=keras.initializers.RandomNormal(stddev=(3 * width) ** -0.5),
        )
        self.lora_b = self.add_weight(
            name="lora_b", shape=(self.rank, self.units), initializer="zeros"
        )
        self.dropout.build(None)

    def call(self, x, training=None):
        x = self.dropout(tf.cast(x, self.compute_dtype), training=training)
        a, b = (tf.convert_to_tensor(w.value) for w in (self.lora_a, self.lora_b))
        narrow = kernels.product(tf.reshape(x, [-1, self.lora_a.shape[0]]), a)
        rows = kernels.product(narrow * (self.alpha / self.rank), b)
        return shapes.with_last(rows, x, self.units)

    def update(self):
        """float32 (m, units): what merging adds to W."""
        return self.alpha / self.rank * tf.matmul(self.lora_a.value, self.lora_b.value)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "rank": self.rank,
            "alpha": self.alpha,
            "dropout": self.dropout.rate,
        }
