"""The encoder that BERT and its kin share, and what all of them are able to do."""

import dataclasses
import functools

import keras
import tensorflow as tf

from tfzoo.layers import (
    Block,
    Dropout,
    FeedForward,
    LayerNormalization,
    MultiHeadSelfAttention,
    PositionEmbedding,
    Projection,
    TokenEmbedding,
    recomputed,
)
from tfzoo.layers.dropout import InPlace
from tfzoo.layers.heads import ClassificationHead, MaskedWordHead, Pooler
from tfzoo.models.decoder import token_positions
from tfzoo.models.model import Model, ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(ModelConfig):
    """What makes one encoder of a family differ from another.

    Attributes: those of `ModelConfig`, and
        num_segments: int, kinds of segments that are told apart; with 1, `segment_ids` are not
            read.
        activation: str, one of `kernels.ACTIVATIONS`, of the feed-forward networks.
        norm_epsilon: float > 0, added to the variance by each normalization.
        tied_embeddings: bool. Whether masked words are read with the token embeddings, or with a
            table of their own.
    """

    max_sequence_length: int = 512
    num_segments: int = 2
    activation: str = "gelu_erf"
    norm_epsilon: float = 1e-12
    tied_embeddings: bool = True


class Encoder(keras.layers.Layer):
    """Token ids to hidden states, each of which has read the whole row: post-norm blocks.

    Embeddings of the token, of its place and of its segment are summed and normalized (Devlin et
    al., 2019, arXiv:1810.04805, section 3).

    Args:
        config: the family's `EncoderConfig`.
        first_position: int, row of the position table of a row's first token.
        has_segments: bool. Whether there is a table of segments.
        embedding_dim: int > 0, e, width of the embeddings, which a matrix then brings to width m
            (Lan et al., 2020, arXiv:1909.11942, section 3.1); None: m, without a matrix.
        shares_block: bool. Whether one block is applied `num_layers` times.

    Attributes:
        remat: bool. Whether each block is computed anew in the backward pass, to save memory.

    Call arguments:
        token_ids: int32 (b, t).
        segment_ids: int32 (b, t), in [0, num_segments); None: all 0.
        padding_mask: bool (b, t), True at tokens, padding on either side; None means no padding.
        document_ids: int32 (b, t): a token reads tokens of its own document only, and places are
            counted from its start; None means one document a row.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m), in the compute dtype.
    """

    def __init__(
        self,
        config,
        *,
        first_position=0,
        has_segments=True,
        embedding_dim=None,
        shares_block=False,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.config = config
        self.remat = False
        self.first_position = first_position
        self.embedding_dim = embedding_dim or config.hidden_dim
        self.token_embedding = self._table("token_embedding", config.vocabulary_size)
        self.segment_embedding = None
        if has_segments:
            self.segment_embedding = self._table("segment_embedding", config.num_segments)
        self.position_embedding = PositionEmbedding(
            first_position + config.max_sequence_length,
            initializer=self._normal(),
            name="position_embedding",
            dtype=self.dtype_policy,
        )
        norm = functools.partial(LayerNormalization, config.norm_epsilon, dtype=self.dtype_policy)
        self.embedding_norm = norm(name="embedding_norm")
        self.dropout = Dropout(config.dropout, name="dropout", dtype=self.dtype_policy)
        self.widening = None
        if embedding_dim is not None:
            self.widening = Projection(
                config.hidden_dim,
                kernel_initializer=self._normal(),
                name="widening",
                dtype=self.dtype_policy,
            )
        self.shares_block = shares_block
        if shares_block:
            self.blocks = [self._block("block", norm)] * config.num_layers
        else:
            names = [f"block_{i}" for i in range(config.num_layers)]
            self.blocks = [self._block(name, norm) for name in names]

    def _normal(self):
        """A new one for each use: an initializer gives the same numbers each time."""
        return keras.initializers.RandomNormal(stddev=self.config.initializer_range)

    def _table(self, name, rows):
        return TokenEmbedding(
            rows,
            self.embedding_dim,
            initializer=self._normal(),
            name=name,
            dtype=self.dtype_policy,
        )

    def _block(self, name, norm):
        config, dtype = self.config, self.dtype_policy
        attention = MultiHeadSelfAttention(
            config.num_heads,
            dropout=config.dropout,
            kernel_initializer=self._normal(),
            output_initializer=self._normal(),
            name="attention",
            dtype=dtype,
        )
        feed_forward = FeedForward(
            config.intermediate_dim,
            activation=config.activation,
            dropout=config.dropout,
            kernel_initializer=self._normal(),
            output_initializer=self._normal(),
            name="feed_forward",
            dtype=dtype,
        )
        return Block(attention, feed_forward, norm=norm, order="post", name=name, dtype=dtype)

    def build(self, input_shape=None):
        self.token_embedding.build(None)
        if self.segment_embedding is not None:
            self.segment_embedding.build(None)
        narrow, wide = (None, None, self.embedding_dim), (None, None, self.config.hidden_dim)
        for layer in (self.position_embedding, self.embedding_norm, self.dropout):
            layer.build(narrow)
        if self.widening is not None:
            self.widening.build(narrow)
        for block in self.blocks:
            if not block.built:
                block.build(wide)

    def call(
        self, token_ids, segment_ids=None, padding_mask=None, document_ids=None, training=None
    ):
        x = self._embedded(token_ids, segment_ids, padding_mask, document_ids, training)
        reading = {"padding_mask": padding_mask, "document_ids": document_ids}
        for place, block in enumerate(self.blocks):
            layer = InPlace(block, place) if self.shares_block else block
            if self.remat and training:
                x = recomputed(layer, **reading)(x)
            else:
                x = layer(x, **reading, training=training)
        return tf.cast(x, self.compute_dtype)

    def _embedded(self, token_ids, segment_ids, padding_mask, document_ids, training):
        """float (b, t, m): what the first block reads."""
        x = self.token_embedding(token_ids)
        if self.segment_embedding is not None:
            if segment_ids is None or self.config.num_segments == 1:
                segment_ids = tf.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        places = token_positions(token_ids, padding_mask, document_ids=document_ids)
        if self.first_position:
            if places is None:
                places = tf.range(tf.shape(token_ids)[1])[None]
            places += self.first_position
        x = self.embedding_norm(self.position_embedding(x, places))
        x = self.dropout(x, training=training)
        return x if self.widening is None else self.widening(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.hidden_dim)


class EncoderModel(Model):
    """Hidden states of whole rows, a pooled state of each, and a head for masked words.

    A family whose first token's state goes through no dense layer and a tanh sets
    `hidden_activation`, which ends the hidden layer that its classification heads have instead; one
    whose head for masked words has another activation than its blocks sets `head_activation`. It
    gives `make_encoder` if its encoder is another than BERT's.

    Args:
        config: the family's configuration record, or a dict of its fields.

    Call arguments:
        token_ids: int32 (b, t).
        segment_ids: int32 (b, t), 0 in the first segment, 1 in the second; None: all 0. Not read by
            a model of one segment.
        padding_mask: bool (b, t), True at tokens, padding on either side. None means no padding.
        document_ids: int32 (b, t): a token reads tokens of its own document only. None means one
            document a row.
        training: bool. Whether to drop.

    Returns:
        float (b, t, m): hidden states, in the compute dtype.
    """

    kind = "encoder"
    learns_positions = True
    config_class = EncoderConfig
    head_activation = None
    hidden_activation = None

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.encoder = self.make_encoder()
        self.pooler = None
        if self.hidden_activation is None:
            self.pooler = Pooler(name="pooler", dtype=self.dtype_policy)
        self.masked_word_head = MaskedWordHead(
            self.config.vocabulary_size,
            self.encoder.embedding_dim,
            activation=self.head_activation or self.config.activation,
            epsilon=self.config.norm_epsilon,
            name="masked_word_head",
            dtype=self.dtype_policy,
        )
        self.output_table = None
        if not self.config.tied_embeddings:
            self.output_table = TokenEmbedding(
                self.config.vocabulary_size,
                self.encoder.embedding_dim,
                initializer=self.config.initializer(),
                name="output_table",
                dtype=self.dtype_policy,
            )
        self.build(None)

    def make_encoder(self, **options):
        """An `Encoder` by the name of "encoder", of the shape that `config` tells."""
        return Encoder(self.config, name="encoder", dtype=self.dtype_policy, **options)

    def build(self, input_shape=None):
        self.encoder.build(None)
        for layer in (self.pooler, self.masked_word_head, self.output_table):
            if layer is not None:
                layer.build((None, self.config.hidden_dim))
        self.built = True

    def add_head(self, name, layer):
        """As for every model; a classification head gets the hidden layer that no pooler gives."""
        if self.hidden_activation is not None and isinstance(layer, ClassificationHead):
            hidden = {"hidden_layer": True, "hidden_activation": self.hidden_activation}
            layer = ClassificationHead.from_config({**layer.get_config(), **hidden})
        return super().add_head(name, layer)

    def call(
        self, token_ids, segment_ids=None, padding_mask=None, document_ids=None, training=None
    ):
        return self.hidden_states(token_ids, segment_ids, padding_mask, document_ids, training)

    def hidden_states(
        self, token_ids, segment_ids=None, padding_mask=None, document_ids=None, training=None
    ):
        """float (b, t, m), in the compute dtype."""
        return self.encoder(
            token_ids,
            segment_ids=segment_ids,
            padding_mask=padding_mask,
            document_ids=document_ids,
            training=training,
        )

    def pooled(self, hidden, padding_mask=None):
        """float (b, m), what stands for the row: its first token's state, through the pooler."""
        first = hidden[:, 0]
        if padding_mask is not None:
            place = tf.argmax(tf.cast(padding_mask, tf.int32), axis=1)
            first = tf.gather(hidden, place, batch_dims=1)
        return first if self.pooler is None else self.pooler(first)

    def prediction_states(self, hidden):
        """float (..., m) to (..., e), in the compute dtype: what words are read from."""
        return self.masked_word_head(hidden)

    def output_weights(self):
        """float (v, e), as stored: the embedding table, or one of its own."""
        return (self.output_table or self.encoder.token_embedding).output_weights()

    def output_bias(self):
        """float32 (v,), added to the logits."""
        return self.masked_word_head.output_bias.value

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.hidden_dim)
