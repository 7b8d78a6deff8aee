"""Attention to the encoder's states (Vaswani et al., 2017, section 3.2.3, arXiv:1706.03762).

Shape letters: b batch, t query position, s key position, m model width, h head, d head width.
"""

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes
from tfzoo.layers.dropout import Dropout
from tfzoo.layers.masks import readable, with_keras_mask
from tfzoo.layers.projection import Projection


@keras.saving.register_keras_serializable(package="tfzoo")
class MultiHeadCrossAttention(keras.layers.Layer):
    """Lets each token of a decoder read the encoder's states: queries from x, the rest from those.

    Each head computes `softmax(scale * q k^T) v` (eq. 1); the softmax runs in float32. The keys and
    values do not depend on what the decoder has written: a cache holds them from the beginning.

    Args:
        num_heads: int > 0.
        head_dim: int > 0, d; None: m / h.
        scale: float, of the products of queries and keys; None: `1 / sqrt(d)`.
        use_bias: bool. Whether the four projections have biases.
        dropout: float in [0, 1). Share of the attention weights, and of the result, to drop.
        kernel_initializer: Keras initializer of the query, key and value matrices.
        query_initializer: Keras initializer of the query matrix; None: the same.
        output_initializer: Keras initializer of the matrix that joins the heads; None: the same.

    Call arguments:
        x: float (b, t, m).
        memory: float (b, s, n), the encoder's states; not read with a cache.
        memory_mask: bool (b, s), True at tokens, False at padding; not read with a cache. None
            means no padding. What the Keras mask of `memory` hides is padding as well.
        cache: `LayerCache` that has the memory's keys, values and mask, or None.
        residual: float (b, t, m), or None. What the result is added to.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype; with a residual, in the residual's dtype.

    Raises:
        ValueError: when built without `head_dim`, if `num_heads` does not divide m.
    """

    def __init__(
        self,
        num_heads,
        *,
        head_dim=None,
        scale=None,
        use_bias=True,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        query_initializer=None,
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.scale = scale
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.query_initializer = keras.initializers.get(query_initializer or kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer or kernel_initializer)
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, x_shape, memory_shape=None):
        width = x_shape[-1]
        if self.head_dim is None and (self.num_heads < 1 or width % self.num_heads):
            raise ValueError(
                "`num_heads` must divide the input width. "
                f"Received: num_heads={self.num_heads}, input width={width}."
            )
        self._head_dim = self.head_dim or width // self.num_heads
        joined = self.num_heads * self._head_dim
        self.query = self._projection("query", joined, self.query_initializer)
        self.key_value = self._projection(
            "key_value",
            2 * joined,
            self.kernel_initializer,
            parts={"key": joined, "value": joined},
        )
        self.output_projection = self._projection(
            "output", width, self.output_initializer, dropout=self.dropout.rate
        )
        self.query.build(x_shape)
        self.key_value.build(memory_shape or x_shape)
        self.output_projection.build((*x_shape[:-1], joined))
        self.dropout.build(None)

    def _projection(self, name, units, initializer, dropout=0.0, parts=None):
        return Projection(
            units,
            use_bias=self.use_bias,
            dropout=dropout,
            kernel_initializer=initializer,
            parts=parts,
            name=name,
            dtype=self.dtype_policy,
        )

    def call(self, x, memory=None, memory_mask=None, cache=None, residual=None, training=None):
        query = self._heads(self.query(x), 1)[0]
        if cache is None:
            key, value = self.keys_and_values(memory)
            memory_mask = with_keras_mask(memory_mask, memory)
        else:
            (key, value), memory_mask = cache.memory, cache.memory_mask
        lengths = (shapes.size(x, 2) for x in (query, key))
        drops = training and self.dropout.rate
        read = kernels.attention(
            query,
            key,
            value,
            readable(*lengths, padding_mask=memory_mask),
            scale=self._head_dim**-0.5 if self.scale is None else self.scale,
            dropout=self.dropout.rate if drops else 0.0,
            seed=self.dropout.new_seed() if drops else None,
        )
        return self.output_projection(self._join(read), residual=residual, training=training)

    def keys_and_values(self, memory):
        """What `call` reads of `memory` (b, s, n): keys and values, each float (b, h, s, d)."""
        return self._heads(self.key_value(memory), 2)

    def _heads(self, x, num):
        """(b, t, num h d) to `num` tensors (b, h, t, d)."""
        parts = shapes.with_last(x, x, num, self.num_heads, self._head_dim)
        return tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))

    def _join(self, x):
        """(b, h, t, d) to (b, t, h d)."""
        x = tf.transpose(x, [0, 2, 1, 3])
        return tf.reshape(x, [*shapes.leading(x, 2), self.num_heads * self._head_dim])

    def compute_output_shape(self, x_shape, memory_shape=None):
        return x_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "scale": self.scale,
            "use_bias": self.use_bias,
            "dropout": self.dropout.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "query_initializer": keras.initializers.serialize(self.query_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
