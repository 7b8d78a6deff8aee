"""The position-wise feed-forward network (Vaswani et al., 2017, arXiv:1706.03762, section 3.3)."""

import keras

from tfzoo import kernels
from tfzoo.layers.projection import Projection, check_activation


@keras.saving.register_keras_serializable(package="tfzoo")
class FeedForward(keras.layers.Layer):
    """`activation(x W1 + b1) W2 + b2` (eq. 2), the same at each position.

    Args:
        intermediate_dim: int > 0, f, the width between the two products.
        activation: str, one of `kernels.ACTIVATIONS`.
        use_bias: bool. Whether there are b1 and b2.
        dropout: float in [0, 1). Share of the result to drop.
        kernel_initializer: Keras initializer of W1.
        output_initializer: Keras initializer of W2; None: the same.

    Call arguments:
        x: float (..., m).
        residual: float (..., m), or None. What the result is added to.
        training: bool. Whether to drop.

    Returns:
        float (..., m), in the compute dtype; with a residual, in the residual's dtype.
    """

    def __init__(
        self,
        intermediate_dim,
        *,
        activation="gelu_tanh",
        use_bias=True,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        check_activation(activation)
        self.intermediate_dim = intermediate_dim
        self.activation = activation
        self.use_bias = use_bias
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer or kernel_initializer)

    def build(self, input_shape):
        self.intermediate = self._first_projection("intermediate", activation=self.activation)
        self.intermediate.build(input_shape)
        self._build_output(input_shape)

    def _first_projection(self, name, activation=None):
        """A product that reads the input: width m to width f."""
        return Projection(
            self.intermediate_dim,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _build_output(self, input_shape):
        self.output_projection = Projection(
            input_shape[-1],
            use_bias=self.use_bias,
            dropout=self.dropout,
            kernel_initializer=self.output_initializer,
            name="output",
            dtype=self.dtype_policy,
        )
        self.output_projection.build((*input_shape[:-1], self.intermediate_dim))

    def call(self, x, residual=None, training=None):
        return self.output_projection(self.intermediate(x), residual=residual, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }


@keras.saving.register_keras_serializable(package="tfzoo")
class GatedFeedForward(FeedForward):
    """`(activation(x Wg) * x W1) W2`, the same at each position.

    Shazeer, 2020, "GLU Variants Improve Transformer", arXiv:2002.05202, equation 6: SwiGLU with
    "silu", GEGLU with a GELU.

    Args:
        intermediate_dim: int > 0, f, the width between the products.
        activation: str, one of `kernels.ACTIVATIONS`.
        use_bias: bool. Whether each product has a bias.
        dropout: float in [0, 1). Share of the result to drop.
        kernel_initializer: Keras initializer of Wg and W1.
        output_initializer: Keras initializer of W2; None: the same.

    Call arguments:
        x: float (..., m).
        residual: float (..., m), or None. What the result is added to.
        training: bool. Whether to drop.

    Returns:
        float (..., m), in the compute dtype; with a residual, in the residual's dtype.
    """

    def __init__(self, intermediate_dim, *, activation="silu", use_bias=False, **kwargs):
        super().__init__(intermediate_dim, activation=activation, use_bias=use_bias, **kwargs)

    def build(self, input_shape):
        self.gate = self._first_projection("gate")
        self.intermediate = self._first_projection("intermediate")
        self.gate.build(input_shape)
        self.intermediate.build(input_shape)
        self._build_output(input_shape)

    def call(self, x, residual=None, training=None):
        x = kernels.gated_activation(self.gate(x), self.intermediate(x), activation=self.activation)
        return self.output_projection(x, residual=residual, training=training)
