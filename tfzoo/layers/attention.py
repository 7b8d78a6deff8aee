"""Self-attention (Vaswani et al., 2017, section 3.2, arXiv:1706.03762).

Shape letters: b batch, t query position, s key position, m model width, h head, d head width.
"""

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.layers.dropout import Dropout
from tfzoo.layers.masks import readable
from tfzoo.layers.projection import Projection


@keras.saving.register_keras_serializable(package="tfzoo")
class MultiHeadSelfAttention(keras.layers.Layer):
    """Lets each token read from the tokens that its masks allow.

    Each head computes `softmax(q k^T / sqrt(d)) v` (eq. 1); the heads are then joined and projected
    back to width m. The softmax runs in float32.

    Args:
        num_heads: int > 0. Must divide the input width m.
        causal: bool. If True, token t reads tokens 0..t only.
        dropout: float in [0, 1). Share of the attention weights, and of the result, to drop.
        kernel_initializer: Keras initializer of the query, key and value matrices.
        output_initializer: Keras initializer of the matrix that joins the heads; None: the same.

    Call arguments:
        x: float (b, t, m).
        padding_mask: bool (b, t), True at tokens, False at padding; with a cache, bool (b, s)
            over its columns. None means no padding.
        document_ids: int (b, t): a token reads tokens of its own document only. None means one
            document a row. Not with a cache.
        cache: `LayerCache`, or None. The new tokens are written to it and read from it; token t is
            then column `cache.index + t`.
        position_bias: float, broadcastable to (b, h, t, s), or None. Added to the logits.
        residual: float (b, t, m), or None. What the result is added to.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype; with a residual, in the residual's dtype.

    Raises:
        ValueError: when built, if `num_heads` does not divide m.
    """

    def __init__(
        self,
        num_heads,
        *,
        causal=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.num_heads = num_heads
        self.causal = causal
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer or kernel_initializer)
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        width = input_shape[-1]
        if self.num_heads < 1 or width % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the input width. "
                f"Received: num_heads={self.num_heads}, input width={width}."
            )
        self.head_dim = width // self.num_heads
        self.num_key_value_heads = self.num_heads
        self.query_key_value = Projection(
            3 * width,
            kernel_initializer=self.kernel_initializer,
            name="query_key_value",
            dtype=self.dtype_policy,
        )
        self.query_key_value.build(input_shape)
        self.output_projection = Projection(
            width,
            dropout=self.dropout.rate,
            kernel_initializer=self.output_initializer,
            name="output",
            dtype=self.dtype_policy,
        )
        self.output_projection.build(input_shape)
        self.dropout.build(None)

    def call(
        self,
        x,
        padding_mask=None,
        document_ids=None,
        cache=None,
        position_bias=None,
        residual=None,
        training=None,
    ):
        query, key, value = self._heads(self.query_key_value(x))
        first = 0
        if cache is not None:
            first = cache.index
            key, value = cache.append(key, value)
        mask = readable(
            tf.shape(query)[2],
            tf.shape(key)[2],
            first,
            causal=self.causal,
            padding_mask=padding_mask,
            document_ids=document_ids,
        )
        drops = training and self.dropout.rate
        read = kernels.attention(
            query,
            key,
            value,
            mask,
            scale=self.head_dim**-0.5,
            bias=position_bias,
            dropout=self.dropout.rate if drops else 0.0,
            seed=self.dropout.new_seed() if drops else None,
        )
        return self.output_projection(self._join(read), residual=residual, training=training)

    def _heads(self, x):
        """(b, t, 3m) to query, key and value, each (b, h, t, d)."""
        b, t = tf.shape(x)[0], tf.shape(x)[1]
        x = tf.reshape(x, [b, t, 3, self.num_heads, self.head_dim])
        return tf.unstack(tf.transpose(x, [2, 0, 3, 1, 4]))

    def _join(self, x):
        """(b, h, t, d) to (b, t, m)."""
        b, t = tf.shape(x)[0], tf.shape(x)[2]
        return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [b, t, self.num_heads * self.head_dim])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "causal": self.causal,
            "dropout": self.dropout.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
