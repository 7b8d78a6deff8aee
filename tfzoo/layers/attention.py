"""Self-attention (Vaswani et al., 2017, section 3.2, arXiv:1706.03762), and its variants.

Shape letters: b batch, t query position, s key position, m model width, h query head, g key and
value head, d head width.
"""

import dataclasses

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes
from tfzoo.kernels.attention import num_columns
from tfzoo.layers.dropout import Dropout
from tfzoo.layers.masks import readable, with_keras_mask
from tfzoo.layers.normalization import RMSNormalization
from tfzoo.layers.projection import Projection


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionVariant:
    """Where a family's attention is not that of Vaswani et al.

    Attributes:
        num_key_value_heads: int, g, each read by h / g query heads (Ainslie et al., 2023,
            arXiv:2305.13245); None: h.
        head_dim: int, d; None: m / h.
        window: int. With causal attention token t reads the last `window` tokens, its own included
            (Child et al., 2019, arXiv:1904.10509); None: all.
        scale: float, of the products of queries and keys; None: `1 / sqrt(d)`.
        input_bias: bool. Whether queries, keys and values have biases.
        output_bias: bool. Whether the joined heads have one.
        head_norm_epsilon: float. Each head's queries and keys are scaled to a mean square of 1
            (Dehghani et al., 2023, arXiv:2302.05442, section 2.1), which this is added to; None:
            they are not.
    """

    num_key_value_heads: int | None = None
    head_dim: int | None = None
    window: int | None = None
    scale: float | None = None
    input_bias: bool = True
    output_bias: bool = True
    head_norm_epsilon: float | None = None


@keras.saving.register_keras_serializable(package="tfzoo")
class MultiHeadSelfAttention(keras.layers.Layer):
    """Lets each token read from the tokens that its masks allow.

    Each head computes `softmax(q k^T / sqrt(d)) v` (eq. 1); the heads are then joined and projected
    back to width m. The softmax runs in float32. The one matrix for queries, keys and values holds
    first the columns of all queries, then those of all keys, then those of all values.

    Args:
        num_heads: int > 0, h. Must divide the input width m, unless the variant has a `head_dim`.
        causal: bool. If True, token t reads tokens 0..t only.
        dropout: float in [0, 1). Share of the attention weights, and of the result, to drop.
        kernel_initializer: Keras initializer of the query, key and value matrices.
        output_initializer: Keras initializer of the matrix that joins the heads; None: the same.
        rotary: `RotaryEmbedding`, applied to queries and keys, or None.
        variant: `AttentionVariant`, a dict of its fields, or None.

    Call arguments:
        x: float (b, t, m).
        padding_mask: bool (b, t), True at tokens, False at padding. None means no padding. What the
            Keras mask of `x` hides is padding as well. With a cache: bool (b, s) over its columns,
            and this mask alone counts.
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
        ValueError: if there is a window without `causal`; when built, if `num_heads` does not
            divide m, or `num_key_value_heads` not `num_heads`.
    """

    def __init__(
        self,
        num_heads,
        *,
        causal=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        rotary=None,
        variant=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.num_heads = num_heads
        self.causal = causal
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer or kernel_initializer)
        self.rotary = rotary
        if variant is None or isinstance(variant, dict):
            variant = AttentionVariant(**variant or {})
        if variant.window is not None and (variant.window < 1 or not causal):
            raise ValueError(
                "`window` must be at least 1, and with `causal`. "
                f"Received: window={variant.window}, causal={causal}."
            )
        self.variant = variant
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        width, variant = input_shape[-1], self.variant
        self._set_head_sizes(width)
        queries = self.num_heads * self.head_dim
        groups = self.num_key_value_heads * self.head_dim
        self.query_key_value = Projection(
            queries + 2 * groups,
            use_bias=variant.input_bias,
            parts={"query": queries, "key": groups, "value": groups},
            kernel_initializer=self.kernel_initializer,
            name="query_key_value",
            dtype=self.dtype_policy,
        )
        self.query_key_value.build(input_shape)
        self.output_projection = Projection(
            width,
            use_bias=variant.output_bias,
            dropout=self.dropout.rate,
            kernel_initializer=self.output_initializer,
            name="output",
            dtype=self.dtype_policy,
        )
        self.output_projection.build((*input_shape[:-1], self.num_heads * self.head_dim))
        self.dropout.build(None)
        if variant.head_norm_epsilon is not None:
            self.query_norm, self.key_norm = (
                RMSNormalization(variant.head_norm_epsilon, name=name, dtype=self.dtype_policy)
                for name in ("query_norm", "key_norm")
            )
            self.query_norm.build((None, self.head_dim))
            self.key_norm.build((None, self.head_dim))

    def _set_head_sizes(self, width):
        variant, heads = self.variant, self.num_heads
        if variant.head_dim is None and (heads < 1 or width % heads):
            raise ValueError(
                "`num_heads` must divide the input width. "
                f"Received: num_heads={heads}, input width={width}."
            )
        self.head_dim = variant.head_dim or width // heads
        self.num_key_value_heads = variant.num_key_value_heads or heads
        if heads % self.num_key_value_heads:
            raise ValueError(
                "`num_key_value_heads` must divide `num_heads`. Received: "
                f"num_key_value_heads={self.num_key_value_heads}, num_heads={heads}."
            )

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
        first = 0 if cache is None else cache.index
        query, key, value = self._heads(self.query_key_value(x), first)
        if cache is None:
            padding_mask = with_keras_mask(padding_mask, x)
        else:
            key, value = cache.append(key, value)
        mask = readable(
            shapes.size(query, 2),
            num_columns(key),
            first,
            causal=self.causal,
            window=self.variant.window,
            padding_mask=padding_mask,
            document_ids=document_ids,
        )
        scale = self.variant.scale
        drops = training and self.dropout.rate
        read = kernels.attention(
            query,
            key,
            value,
            mask,
            scale=self.head_dim**-0.5 if scale is None else scale,
            bias=position_bias,
            dropout=self.dropout.rate if drops else 0.0,
            seed=self.dropout.new_seed() if drops else None,
        )
        return self.output_projection(self._join(read), residual=residual, training=training)

    def _heads(self, x, first):
        """(b, t, (h + 2g) d) to query (b, h, t, d), key and value (b, g, t, d)."""
        heads, groups, d = self.num_heads, self.num_key_value_heads, self.head_dim
        if heads == groups:  # Parts along the first axis are cut without a copy.
            parts = shapes.with_last(x, x, 3, heads, d)
            query, key, value = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
        else:
            parts = shapes.with_last(x, x, heads + 2 * groups, d)
            parts = tf.transpose(parts, [0, 2, 1, 3])
            query, key, value = tf.split(parts, [heads, groups, groups], axis=1)
        if self.variant.head_norm_epsilon is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        if self.rotary is not None:
            query, key = (self.rotary(x, first=first) for x in (query, key))
        return query, key, value

    def _join(self, x):
        """(b, h, t, d) to (b, t, h d)."""
        x = tf.transpose(x, [0, 2, 1, 3])
        return tf.reshape(x, [*shapes.leading(x, 2), self.num_heads * self.head_dim])

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
            "rotary": keras.saving.serialize_keras_object(self.rotary),
            "variant": dataclasses.asdict(self.variant),
        }

    @classmethod
    def from_config(cls, config):
        rotary = keras.saving.deserialize_keras_object(config.get("rotary"))
        return cls(**{**config, "rotary": rotary})
