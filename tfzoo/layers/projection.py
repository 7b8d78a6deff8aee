"""The matrix product of a transformer, with what follows it done in the same pass over memory."""

import contextlib

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes
from tfzoo.layers.dropout import Dropout
from tfzoo.layers.growing import Growing
from tfzoo.layers.low_rank import LowRankUpdate


@keras.saving.register_keras_serializable(package="tfzoo")
class Projection(keras.layers.Layer):
    """`activation(x W + b)`, or `residual + dropout(x W + b)`; without b where there is no bias.

    Weights stay float32; the product runs in the compute dtype.

    Args:
        units: int > 0, width of the result.
        activation: str, one of `kernels.ACTIVATIONS`, or None.
        use_bias: bool. Whether there is a b.
        dropout: float in [0, 1), share of the result to drop.
        kernel_initializer: Keras initializer of W.
        parts: dict of names to widths: what the columns of W are, side by side, such as queries,
            keys and values; None: one thing.

    Call arguments:
        x: float (..., m).
        residual: float (..., units), or None. What the result is added to.
        training: bool. Whether to drop.

    Returns:
        float (..., units), in the compute dtype; with a residual, in the residual's dtype.
    """

    def __init__(
        self,
        units,
        *,
        activation=None,
        use_bias=True,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        parts=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        if activation is not None:
            check_activation(activation)
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.parts = parts or {}
        self.adapters = Growing(name="adapters", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=_anew(self.kernel_initializer),
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.dropout.build(None)

    def call(self, x, residual=None, training=None):
        x = tf.cast(x, self.compute_dtype)
        product = self._product(x)
        if self.adapters.layers:
            product += self._update(x, training)
        biases = [self.bias.value] if self.use_bias else []
        drops = training and self.dropout.rate
        if biases and residual is not None and not drops:
            return kernels.bias_residual(product, *biases, residual)
        y = self._activated(product, biases)
        y = self.dropout(y, training=training)
        return y if residual is None else residual + tf.cast(y, residual.dtype)

    def _activated(self, product, biases):
        if self.activation is not None:
            return kernels.bias_activation(product, *biases, activation=self.activation)
        return kernels.bias_add(product, *biases) if biases else product

    def _product(self, x):
        """A product of two matrices: the batched form is slower."""
        kernel = tf.convert_to_tensor(self.kernel.value)
        rows = kernels.product(tf.reshape(x, [-1, self.kernel.shape[0]]), kernel)
        return shapes.with_last(rows, x, self.units)

    def _update(self, x, training):
        """What the adapters add: zeros to the columns of parts that have none."""
        by_name = {layer.name: layer for layer in self.adapters.layers}
        if "adapter" in by_name:
            return by_name["adapter"](x, training=training)
        columns = [
            by_name[name](x, training=training)
            if name in by_name
            else tf.zeros(tf.concat([tf.shape(x)[:-1], [width]], 0), x.dtype)
            for name, width in self.parts.items()
        ]
        return tf.concat(columns, -1)

    def add_adapter(self, part=None, **options):
        """Adds a `LowRankUpdate` of all columns, or of those of one part.

        Args:
            part: str, one of `parts`, or None.
            **options: `rank`, `alpha` and `dropout`.
        """
        units = self.units if part is None else self.parts[part]
        layer = LowRankUpdate(units, name=part or "adapter", dtype=self.dtype_policy, **options)
        with contextlib.ExitStack() as scopes:
            for name in self.path.split("/"):
                scopes.enter_context(keras.name_scope(name))
            layer.build((None, self.kernel.shape[0]))
        self.adapters.layers.append(layer)

    def merge_adapters(self):
        """Adds what the adapters say to W, and drops them."""
        for layer in self.adapters.layers:
            first, end = self.columns(layer.name)
            update = tf.pad(layer.update(), [[0, 0], [first, self.units - end]])
            self.kernel.assign(self.kernel.value + update)
        self.adapters.layers.clear()

    def columns(self, part):
        """(first, end) of a part of W; all of it, if it has no such part."""
        first = 0
        for name, width in self.parts.items():
            if name == part:
                return first, first + width
            first += width
        return 0, self.units

    def compute_output_shape(self, input_shape, residual_shape=None):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "dropout": self.dropout.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "parts": dict(self.parts) or None,
        }


def check_activation(name):
    """Raises ValueError unless there is an activation of this name."""
    if name not in kernels.ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {sorted(kernels.ACTIVATIONS)}. "
            f"Received: activation={name}"
        )


def _anew(initializer):
    """The initializer with draws of its own: one without a seed repeats itself at each use."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer
