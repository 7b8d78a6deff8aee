"""The stack of a decoder-only language model, and the class that its families share."""

import keras
import tensorflow as tf

from tfzoo.kernels import shapes
from tfzoo.layers import Dropout, KeyValueCache, TokenEmbedding, recomputed
from tfzoo.layers.heads import ClassificationHead
from tfzoo.layers.masks import positions
from tfzoo.models.model import Model


class Decoder(keras.layers.Layer):
    """Token ids to hidden states, each of which has read the tokens up to its own.

    Args:
        token_embedding: layer, int (b, t) to float (b, t, m).
        position_embedding: layer, called with `(x, positions)`, or None: the blocks tell positions
            apart.
        blocks: list of `layers.Block`, with causal attention.
        final_norm: layer applied after the last block, or None.
        output_table: `TokenEmbedding` whose rows the states are compared with, or None: the token
            embedding.
        dropout: float in [0, 1), share of the embeddings to drop.

    Attributes:
        remat: bool. Whether each block is computed anew in the backward pass, to save memory.

    Call arguments:
        token_ids: int32 (b, t).
        padding_mask: bool (b, t), True at tokens; with a cache, bool (b, s) over its columns.
        cache: `KeyValueCache`, or None. Gets the new tokens' keys and values.
        document_ids: int (b, t): a token reads tokens of its own document only, and positions begin
            anew in each. None means one document a row. Not with a cache.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype.

    Raises:
        ValueError: if `document_ids` come with a cache.
    """

    def __init__(
        self,
        *,
        token_embedding,
        position_embedding=None,
        blocks,
        final_norm=None,
        output_table=None,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.remat = False
        self.token_embedding = token_embedding
        self.position_embedding = position_embedding
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)
        self.blocks = blocks
        self.final_norm = final_norm
        self.output_table = output_table

    def build(self, input_shape=None):
        hidden_shape = (None, None, self.token_embedding.hidden_dim)
        for layer in (
            self.token_embedding,
            self.position_embedding,
            self.dropout,
            *self.blocks,
            self.final_norm,
            self.output_table,
        ):
            if layer is not None:
                layer.build(hidden_shape)

    def call(self, token_ids, padding_mask=None, cache=None, document_ids=None, training=None):
        if cache is not None and document_ids is not None:
            raise ValueError("`document_ids` must be None with a cache.")
        x = self.token_embedding(token_ids)
        if self.position_embedding is not None:
            places = token_positions(token_ids, padding_mask, cache, document_ids)
            x = self.position_embedding(x, places)
        x = self.dropout(x, training=training)
        for i, block in enumerate(self.blocks):
            if cache is not None:
                x = block(x, padding_mask, cache=cache.layer(i), training=training)
            elif self.remat and training:
                x = recomputed(block, padding_mask=padding_mask, document_ids=document_ids)(x)
            else:
                x = block(x, padding_mask, document_ids, training=training)
        if cache is not None:
            cache.index = cache.index + shapes.size(token_ids, 1)
        return tf.cast(x, self.compute_dtype) if self.final_norm is None else self.final_norm(x)

    def output_weights(self):
        """float (v, m), in the compute dtype."""
        return (self.output_table or self.token_embedding).output_weights()

    def new_cache(self, batch_size, length):
        """An empty `KeyValueCache` of `length` columns."""
        attention = self.blocks[0].attention
        shape = [batch_size, attention.num_key_value_heads, length, attention.head_dim]
        empty = [tf.zeros(shape, self.compute_dtype) for _ in self.blocks]
        return KeyValueCache(empty, empty, tf.constant(0))

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.token_embedding.hidden_dim)


def token_positions(token_ids, padding_mask=None, cache=None, document_ids=None):
    """int32 (b, t), or None where positions are 0, 1, 2, ..."""
    first = 0 if cache is None else cache.index
    if padding_mask is not None or document_ids is not None:
        columns = first + tf.range(shapes.size(token_ids, 1))
        places = positions(padding_mask, document_ids)
        return tf.gather(places, columns, axis=1)  # a slice grows under XLA
    if cache is not None:
        return (first + tf.range(shapes.size(token_ids, 1)))[None]
    return None


class DecoderModel(Model):
    """A causal language model. A family gives `make_decoder`.

    Args:
        config: the family's configuration record, or a dict of its fields.

    Call arguments:
        token_ids: int32 (b, t).
        padding_mask: bool (b, t), True at tokens, padding on either side; with a cache, bool (b, s)
            over its columns. None means no padding.
        cache: `layers.KeyValueCache` from `new_cache`, or None. The tokens are then the next ones,
            and the cache's attributes are replaced by those that include them.
        document_ids: int (b, t): a token reads tokens of its own document only. None means one
            document a row. Not with a cache.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, v): logits of the token that follows each token.
    """

    kind = "decoder"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.decoder = self.make_decoder()
        self.build(None)

    def make_decoder(self):
        """A `Decoder` by the name of "decoder", of the shape that `config` tells."""
        raise NotImplementedError

    def make_table(self, name):
        """A vector of width m for each token."""
        return TokenEmbedding(
            self.config.vocabulary_size,
            self.config.hidden_dim,
            initializer=self.config.initializer(),
            name=name,
            dtype=self.dtype_policy,
        )

    def call(self, token_ids, padding_mask=None, cache=None, document_ids=None, training=None):
        reading = (padding_mask, cache, document_ids, training)
        return self.logits(self.hidden_states(token_ids, *reading))

    def add_head(self, name, layer):
        """As for every model; labels get no biases, as in transformers' decoders."""
        if isinstance(layer, ClassificationHead):
            layer = ClassificationHead.from_config({**layer.get_config(), "use_bias": False})
        return super().add_head(name, layer)

    def hidden_states(
        self, token_ids, padding_mask=None, cache=None, document_ids=None, training=None
    ):
        """float (b, t, m), what `call` turns into logits; in the compute dtype."""
        return self.decoder(
            token_ids, padding_mask, cache=cache, document_ids=document_ids, training=training
        )

    def decode(self, token_ids, cache, padding_mask=None):
        """The states of the next tokens, float (b, t, m), which join the cache."""
        return self.hidden_states(token_ids, padding_mask, cache)

    def pooled(self, hidden, padding_mask=None):
        """float (b, m), of hidden states (b, t, m): that of each row's last token."""
        if padding_mask is None:
            return hidden[:, -1]
        column = tf.range(tf.shape(hidden)[1]) * tf.cast(padding_mask, tf.int32)
        return tf.gather(hidden, tf.argmax(column, axis=1), batch_dims=1)

    def output_weights(self):
        """float (v, m), in the compute dtype: logits are hidden states times its transpose."""
        return self.decoder.output_weights()

    def new_cache(self, batch_size, length):
        """An empty `layers.KeyValueCache` for `length` tokens a row."""
        return self.decoder.new_cache(batch_size, length)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.vocabulary_size)
