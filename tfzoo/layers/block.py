"""The transformer block: attention, then feed-forward, each added to what it read."""

import keras
import tensorflow as tf

from tfzoo.layers.attention import MultiHeadSelfAttention
from tfzoo.layers.feed_forward import FeedForward
from tfzoo.layers.normalization import LayerNormalization


@keras.saving.register_keras_serializable(package="tfzoo")
class TransformerBlock(keras.layers.Layer):
    """One layer of an encoder or of a decoder without cross-attention.

    Post-norm is `norm(x + sublayer(x))` (Vaswani et al., 2017, arXiv:1706.03762, section 3.1);
    pre-norm is `x + sublayer(norm(x))` (Radford et al., 2019, section 2.3), which trains without
    a long warmup. The sum that runs through the blocks stays float32 in every precision.

    Args:
        num_heads: int > 0. Must divide the input width m.
        intermediate_dim: int > 0, f, the inner width of the feed-forward network.
        causal: bool. If True, token t reads tokens 0..t only.
        pre_norm: bool. True: pre-norm, False: post-norm.
        activation: str, one of `kernels.ACTIVATIONS`.
        dropout: float in [0, 1), for attention weights and for what each sub-layer adds.
        kernel_initializer: Keras initializer of the matrices.
        output_initializer: Keras initializer of the matrices that write to the sum; None: the same.

    Call arguments:
        x: float (b, t, m).
        padding_mask: bool (b, t), True at tokens; with a cache, bool (b, s) over its columns. None
            means no padding.
        cache: `LayerCache`, or None.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, m); float64 if the layer is float64.

    Raises:
        ValueError: when built, if `num_heads` does not divide m.
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        *,
        causal=False,
        pre_norm=True,
        activation="gelu_tanh",
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.causal = causal
        self.pre_norm = pre_norm
        self.activation = activation
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer or kernel_initializer)

    def build(self, input_shape):
        shared = {
            "dropout": self.dropout,
            "kernel_initializer": self.kernel_initializer,
            "output_initializer": self.output_initializer,
            "dtype": self.dtype_policy,
        }
        self.attention = MultiHeadSelfAttention(
            self.num_heads, causal=self.causal, name="attention", **shared
        )
        self.feed_forward = FeedForward(
            self.intermediate_dim, activation=self.activation, name="feed_forward", **shared
        )
        self.attention_norm = LayerNormalization(name="attention_norm", dtype=self.dtype_policy)
        self.feed_forward_norm = LayerNormalization(
            name="feed_forward_norm", dtype=self.dtype_policy
        )
        for layer in (
            self.attention_norm,
            self.attention,
            self.feed_forward_norm,
            self.feed_forward,
        ):
            layer.build(input_shape)

    def call(self, x, padding_mask=None, cache=None, training=None):
        x = tf.cast(x, "float64" if self.compute_dtype == "float64" else "float32")
        reading = {"padding_mask": padding_mask, "cache": cache, "training": training}
        if self.pre_norm:
            x = self.attention(self.attention_norm(x), residual=x, **reading)
            return self.feed_forward(self.feed_forward_norm(x), residual=x, training=training)
        x = self.attention_norm(self.attention(x, residual=x, **reading))
        x = self.feed_forward_norm(self.feed_forward(x, residual=x, training=training))
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "causal": self.causal,
            "pre_norm": self.pre_norm,
            "activation": self.activation,
            "dropout": self.dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
