"""The transformer block: attention, then feed-forward, each added to what it read."""

import functools

import keras
import tensorflow as tf

from tfzoo.layers.attention import MultiHeadSelfAttention
from tfzoo.layers.feed_forward import FeedForward
from tfzoo.layers.masks import with_keras_mask
from tfzoo.layers.normalization import LayerNormalization

ORDERS = ("pre", "post", "parallel")


@keras.saving.register_keras_serializable(package="tfzoo")
class Block(keras.layers.Layer):
    """One layer of a transformer, made of the sub-layers it is given.

    With `order="post"` each sub-layer gives `norm(x + sublayer(x))` (Vaswani et al., 2017,
    arXiv:1706.03762, section 3.1); with "pre", `x + sublayer(norm(x))` (Radford et al., 2019,
    section 2.3), which trains without a long warmup; with "parallel" all read the block's input,
    `x + attention(norm_1(x)) + feed_forward(norm_2(x))` (Wang & Komatsuzaki, 2021; Black et al.,
    2022, arXiv:2204.06745, section 2.1.2). The sum that runs through the blocks stays float32 in
    every precision.

    Args:
        attention: layer, called with `(x, padding_mask, document_ids, cache, position_bias,
            residual, training)`. Name it "attention".
        feed_forward: layer, called with `(x, residual, training)`. Name it "feed_forward".
        norm: makes a normalization layer from `name` and `dtype`: `LayerNormalization`,
            `RMSNormalization`, or a `functools.partial` of one.
        order: str, one of "pre", "post", "parallel".
        cross_attention: layer between the two, called with `(x, memory, memory_mask, cache,
            residual, training)`, or None. Name it "cross_attention".

    Call arguments:
        x: float (b, t, m).
        padding_mask: bool (b, t), True at tokens. None means no padding. What the Keras mask of `x`
            hides is padding as well. With a cache: bool (b, s) over its columns, and this mask
            alone counts.
        document_ids: int (b, t): a token reads tokens of its own document only. None means one
            document a row. Not with a cache.
        cache: `LayerCache`, or None.
        memory: float (b, s, m), what cross-attention reads; None if the cache holds it.
        memory_mask: bool (b, s), True at tokens of the memory; its Keras mask counts as well.
        position_bias: float, broadcastable to (b, h, t, s), added to the logits of self-attention.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, m); float64 if the layer is float64.

    Raises:
        ValueError: if `order` is none of these, or "parallel" with cross-attention.
    """

    def __init__(
        self,
        attention,
        feed_forward,
        *,
        norm=LayerNormalization,
        order="pre",
        cross_attention=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        if order not in ORDERS:
            raise ValueError(f"`order` must be one of {ORDERS}. Received: order={order}")
        if order == "parallel" and cross_attention is not None:
            raise ValueError(
                "`order` must be 'pre' or 'post' with cross-attention. Received: order=parallel"
            )
        norm = functools.partial(norm, dtype=self.dtype_policy)
        self.order = order
        self.attention = attention
        self.cross_attention = cross_attention
        self.feed_forward = feed_forward
        self.attention_norm = norm(name="attention_norm")
        self.cross_attention_norm = cross_attention and norm(name="cross_attention_norm")
        self.feed_forward_norm = norm(name="feed_forward_norm")

    def build(self, input_shape):
        for layer in (
            self.attention_norm,
            self.attention,
            self.cross_attention_norm,
            self.cross_attention,
            self.feed_forward_norm,
            self.feed_forward,
        ):
            if layer is not None and not layer.built:
                layer.build(input_shape)

    def call(
        self,
        x,
        padding_mask=None,
        document_ids=None,
        cache=None,
        memory=None,
        memory_mask=None,
        position_bias=None,
        training=None,
    ):
        if cache is None:
            padding_mask = with_keras_mask(padding_mask, x)
        x = tf.cast(x, "float64" if self.compute_dtype == "float64" else "float32")
        attend = functools.partial(
            self.attention,
            padding_mask=padding_mask,
            document_ids=document_ids,
            cache=cache,
            position_bias=position_bias,
            training=training,
        )
        feed = functools.partial(self.feed_forward, training=training)
        if self.order == "parallel":
            attended = attend(self.attention_norm(x), residual=x)
            return feed(self.feed_forward_norm(x), residual=attended)
        x = self._add(attend, self.attention_norm, x)
        if self.cross_attention is not None:
            cross = functools.partial(
                self.cross_attention,
                memory=memory,
                memory_mask=memory_mask,
                cache=cache,
                training=training,
            )
            x = self._add(cross, self.cross_attention_norm, x)
        return self._add(feed, self.feed_forward_norm, x)

    def _add(self, sublayer, norm, x):
        """`x` and what a sub-layer makes of it, normalized before or after."""
        if self.order == "pre":
            return sublayer(norm(x), residual=x)
        return norm(sublayer(x, residual=x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "attention": _unbuilt(self.attention),
            "feed_forward": _unbuilt(self.feed_forward),
            "norm": _unbuilt(self.attention_norm),
            "order": self.order,
            "cross_attention": _unbuilt(self.cross_attention),
        }

    @classmethod
    def from_config(cls, config):
        parts = ("attention", "feed_forward", "norm", "cross_attention")
        layers = {name: keras.saving.deserialize_keras_object(config[name]) for name in parts}
        norm = layers.pop("norm")
        like_it = {key: value for key, value in norm.get_config().items() if key != "dtype"}
        return cls(**{**config, **layers, "norm": functools.partial(type(norm), **like_it)})


def _unbuilt(layer):
    """A layer's description, to be built anew by its block: its weights' paths begin with that."""
    described = keras.saving.serialize_keras_object(layer)
    if described is not None:
        described.pop("build_config", None)
    return described


@keras.saving.register_keras_serializable(package="tfzoo")
class TransformerBlock(Block):
    """One layer of an encoder or of a decoder without cross-attention, from a few numbers.

    Args:
        num_heads: int > 0. Must divide the input width m.
        intermediate_dim: int > 0, f, the inner width of the feed-forward network.
        causal: bool. If True, token t reads tokens 0..t only.
        pre_norm: bool. True: pre-norm, False: post-norm.
        activation: str, one of `kernels.ACTIVATIONS`.
        dropout: float in [0, 1), for attention weights and for what each sub-layer adds.
        kernel_initializer: Keras initializer of the matrices.
        output_initializer: Keras initializer of the matrices that write to the sum; None: the same.

    Call arguments and returns: as for `Block`.

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
        shared = {
            "dropout": dropout,
            "kernel_initializer": keras.initializers.get(kernel_initializer),
            "output_initializer": keras.initializers.get(output_initializer or kernel_initializer),
            "dtype": kwargs.get("dtype"),
        }
        super().__init__(
            MultiHeadSelfAttention(num_heads, causal=causal, name="attention", **shared),
            FeedForward(intermediate_dim, activation=activation, name="feed_forward", **shared),
            order="pre" if pre_norm else "post",
            **kwargs,
        )

    def get_config(self):
        attention, feed_forward = self.attention, self.feed_forward
        initializers = (attention.kernel_initializer, attention.output_initializer)
        kernel, output = map(keras.initializers.serialize, initializers)
        return {
            **keras.layers.Layer.get_config(self),
            "num_heads": attention.num_heads,
            "intermediate_dim": feed_forward.intermediate_dim,
            "causal": attention.causal,
            "pre_norm": self.order == "pre",
            "activation": feed_forward.activation,
            "dropout": feed_forward.dropout,
            "kernel_initializer": kernel,
            "output_initializer": output,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
