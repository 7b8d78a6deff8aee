"""Encoder and decoder: a text is read whole, then another is written while attending to it.

Shape letters: b batch, s token of the encoder, t token of the decoder, m width, v vocabulary.
"""

import keras
import tensorflow as tf

from tfzoo.layers import Dropout, KeyValueCache, recomputed
from tfzoo.models.decoder import token_positions
from tfzoo.models.model import Model


class Stack(keras.layers.Layer):
    """Embedded tokens to hidden states: the blocks of an encoder, or of a decoder.

    Args:
        blocks: list of `layers.Block`; those of a decoder have cross-attention.
        position_bias: `layers.RelativePositionBias` that all blocks share, or None.
        final_norm: layer applied after the last block, or None.
        dropout: float in [0, 1), share to drop of the embeddings, and of what the last norm gives.

    Attributes:
        remat: bool. Whether each block is computed anew in the backward pass, to save memory.

    Call arguments:
        x: float (b, t, m).
        padding_mask: bool (b, t), True at tokens; with a cache, bool over its columns.
        cache: `KeyValueCache`, or None. Gets the new tokens' keys and values.
        memory: float (b, s, m), what cross-attention reads; None in an encoder or with a cache.
        memory_mask: bool (b, s), True at tokens of the memory; None means no padding there.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype.
    """

    def __init__(self, blocks, *, position_bias=None, final_norm=None, dropout=0.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.remat = False
        self.blocks = blocks
        self.position_bias = position_bias
        self.final_norm = final_norm
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)
        self.final_dropout = Dropout(dropout, name="final_dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        layers = (*self.blocks, self.position_bias, self.final_norm)
        for layer in (*layers, self.dropout, self.final_dropout):
            if layer is not None:
                layer.build(input_shape)

    def call(self, x, padding_mask=None, cache=None, memory=None, memory_mask=None, training=None):
        num_tokens = tf.shape(x)[1]
        x = self.dropout(x, training=training)
        reading = {
            "padding_mask": padding_mask,
            "memory": memory,
            "memory_mask": memory_mask,
            "position_bias": self._bias(num_tokens, cache),
        }
        for i, block in enumerate(self.blocks):
            if cache is not None:
                x = block(x, cache=cache.layer(i), **reading, training=training)
            elif self.remat and training:
                x = recomputed(block, **reading)(x)
            else:
                x = block(x, **reading, training=training)
        if cache is not None:
            cache.index = cache.index + num_tokens
        if self.final_norm is None:
            return tf.cast(x, self.compute_dtype)
        return self.final_dropout(self.final_norm(x), training=training)

    def _bias(self, num_tokens, cache):
        """float32 (1, h, t, s), or None: of columns, for padding moves all of a row alike."""
        if self.position_bias is None:
            return None
        first = 0 if cache is None else cache.index
        columns = tf.range(num_tokens if cache is None else cache.length)
        return self.position_bias(first + tf.range(num_tokens), columns)

    def new_cache(self, batch_size, length, memory, memory_mask):
        """A `KeyValueCache` of `length` empty columns, and of the memory's keys and values."""
        attention = self.blocks[0].attention
        shape = [batch_size, attention.num_key_value_heads, length, attention.head_dim]
        empty = [tf.zeros(shape, self.compute_dtype) for _ in self.blocks]
        read = [block.cross_attention.keys_and_values(memory) for block in self.blocks]
        return KeyValueCache(empty, empty, tf.constant(0), read, memory_mask)

    def compute_output_shape(self, input_shape):
        return input_shape


class EncoderDecoderModel(Model):
    """One text in, another out. A family makes `token_embedding`, `encoder` and `decoder`.

    Call arguments:
        token_ids: int32 (b, s), the text to read.
        decoder_token_ids: int32 (b, t), what is written so far, from the start token on.
        padding_mask: bool (b, s), True at tokens, padding on either side. None means no padding.
        decoder_padding_mask: bool (b, t), the same for the decoder's tokens.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, v): logits of the token that follows each of the decoder's tokens.
    """

    kind = "encoder_decoder"

    def build(self, input_shape=None):
        self.token_embedding.build(None)
        for stack in (self.encoder, self.decoder):
            stack.build((None, None, self.config.hidden_dim))
        self.built = True

    def call(
        self,
        token_ids,
        decoder_token_ids,
        padding_mask=None,
        decoder_padding_mask=None,
        training=None,
    ):
        reading = (padding_mask, decoder_padding_mask, training)
        return self.logits(self.hidden_states(token_ids, decoder_token_ids, *reading))

    def embedded(self, token_ids, positions):
        """What the first block reads, float (b, t, m).

        Args:
            positions: int32 (b, t), or None where they are 0, 1, 2, ...
        """
        raise NotImplementedError

    def encode(self, token_ids, padding_mask=None, training=None):
        """The encoder's states, float (b, s, m) in the compute dtype: the decoder's memory."""
        x = self.embedded(token_ids, token_positions(token_ids, padding_mask))
        return self.encoder(x, padding_mask, training=training)

    def hidden_states(
        self,
        token_ids,
        decoder_token_ids,
        padding_mask=None,
        decoder_padding_mask=None,
        training=None,
    ):
        """The decoder's states, float (b, t, m): what `call` turns into logits."""
        memory = self.encode(token_ids, padding_mask, training)
        positions = token_positions(decoder_token_ids, decoder_padding_mask)
        return self.decoder(
            self.embedded(decoder_token_ids, positions),
            decoder_padding_mask,
            memory=memory,
            memory_mask=padding_mask,
            training=training,
        )

    def new_cache(self, batch_size, length, memory, memory_mask=None):
        """A `layers.KeyValueCache` to write after one memory: the memory's part is computed here.

        Args:
            batch_size: int or int32 scalar, b.
            length: int or int32 scalar, tokens that the decoder may write to each row.
            memory: float (b, s, m), from `encode`.
            memory_mask: bool (b, s), True at tokens of the memory; None means no padding.
        """
        return self.decoder.new_cache(batch_size, length, memory, memory_mask)

    def decode(self, decoder_token_ids, cache, decoder_padding_mask=None):
        """The states of the decoder's next tokens, which join the cache.

        Args:
            decoder_token_ids: int32 (b, t), the tokens that follow those of the cache.
            cache: from `new_cache`; its attributes are replaced by those that include the tokens.
            decoder_padding_mask: bool, over the cache's columns, True at tokens; None means no
                padding.

        Returns:
            float (b, t, m), in the compute dtype.
        """
        positions = token_positions(decoder_token_ids, decoder_padding_mask, cache)
        x = self.embedded(decoder_token_ids, positions)
        return self.decoder(x, decoder_padding_mask, cache=cache)

    def output_weights(self):
        """float (v, m), in the compute dtype: the embedding table."""
        return self.token_embedding.output_weights()

    def compute_output_shape(self, token_ids_shape, decoder_token_ids_shape):
        return (*decoder_token_ids_shape, self.config.vocabulary_size)
