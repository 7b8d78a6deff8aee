"""The stack of a decoder-only language model: embeddings, causal blocks, a last norm."""

import keras
import tensorflow as tf

from tfzoo.layers import (
    Dropout,
    KeyValueCache,
    LayerNormalization,
    PositionEmbedding,
    TokenEmbedding,
    TransformerBlock,
    recomputed,
)
from tfzoo.layers.masks import positions


class Decoder(keras.layers.Layer):
    """Token ids to hidden states, each of which has read the tokens up to its own.

    Args:
        config: the family's configuration record.

    Attributes:
        remat: bool. Whether each block is computed anew in the backward pass, to save memory.

    Call arguments:
        token_ids: int32 (b, t).
        padding_mask: bool (b, t), True at tokens; with a cache, bool (b, s) over its columns.
        cache: `KeyValueCache`, or None. Gets the new tokens' keys and values.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype.
    """

    def __init__(self, config, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.config = config
        self.remat = False
        stddev = config.initializer_range
        normal = keras.initializers.RandomNormal
        self.token_embedding = TokenEmbedding(
            config.vocabulary_size,
            config.hidden_dim,
            initializer=normal(stddev=stddev),
            name="token_embedding",
            dtype=self.dtype_policy,
        )
        self.position_embedding = PositionEmbedding(
            config.max_sequence_length,
            initializer=normal(stddev=stddev),
            name="position_embedding",
            dtype=self.dtype_policy,
        )
        self.dropout = Dropout(config.dropout, name="dropout", dtype=self.dtype_policy)
        self.blocks = [
            TransformerBlock(
                config.num_heads,
                config.intermediate_dim,
                causal=True,
                dropout=config.dropout,
                kernel_initializer=normal(stddev=stddev),
                output_initializer=normal(stddev=stddev * (2 * config.num_layers) ** -0.5),
                name=f"block_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(config.num_layers)
        ]
        self.final_norm = LayerNormalization(name="final_norm", dtype=self.dtype_policy)

    def build(self, input_shape=None):
        self.token_embedding.build(None)
        hidden_shape = (None, None, self.config.hidden_dim)
        for layer in (self.position_embedding, self.dropout, *self.blocks, self.final_norm):
            layer.build(hidden_shape)

    def call(self, token_ids, padding_mask=None, cache=None, training=None):
        x = self.token_embedding(token_ids)
        x = self.position_embedding(x, self._positions(token_ids, padding_mask, cache))
        x = self.dropout(x, training=training)
        for i, block in enumerate(self.blocks):
            if cache is not None:
                x = block(x, padding_mask, cache=cache.layer(i), training=training)
            elif self.remat and training:
                x = recomputed(block, padding_mask=padding_mask)(x)
            else:
                x = block(x, padding_mask, training=training)
        if cache is not None:
            cache.index = cache.index + tf.shape(token_ids)[1]
        return self.final_norm(x)

    def _positions(self, token_ids, padding_mask, cache):
        """int32 (b, t), or None where positions are 0, 1, 2, ..."""
        first = 0 if cache is None else cache.index
        if padding_mask is not None:
            columns = first + tf.range(tf.shape(token_ids)[1])
            return tf.gather(positions(padding_mask), columns, axis=1)  # a slice grows under XLA
        if cache is not None:
            return (first + tf.range(tf.shape(token_ids)[1]))[None]
        return None

    def new_cache(self, batch_size, length):
        """An empty `KeyValueCache` of `length` columns."""
        config = self.config
        head_dim = config.hidden_dim // config.num_heads
        shape = [batch_size, config.num_heads, length, head_dim]
        empty = [tf.zeros(shape, self.compute_dtype) for _ in self.blocks]
        return KeyValueCache(empty, empty, tf.constant(0))

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.hidden_dim)
