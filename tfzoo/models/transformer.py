"""The Transformer (Vaswani et al., 2017, "Attention Is All You Need", arXiv:1706.03762)."""

import dataclasses

import keras

from tfzoo.layers import (
    Block,
    FeedForward,
    MultiHeadSelfAttention,
    PositionalEncoding,
    TokenEmbedding,
)
from tfzoo.layers.cross_attention import MultiHeadCrossAttention
from tfzoo.models.encoder_decoder import EncoderDecoderModel, Stack
from tfzoo.models.model import ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerConfig(ModelConfig):
    """What makes one Transformer differ from another.

    Attributes: those of `ModelConfig`, where
        num_layers: int, blocks of the encoder, and as many of the decoder.
        initializer_range: float, a factor of the first weights, whose size follows their widths.
    """

    vocabulary_size: int = 37000
    max_sequence_length: int = 512
    initializer_range: float = 1.0


PRESETS = {
    "transformer_tiny": TransformerConfig(
        num_layers=2, num_heads=4, hidden_dim=128, vocabulary_size=8000
    ),
    "transformer_base": TransformerConfig(num_layers=6, num_heads=8, hidden_dim=512),
    "transformer_big": TransformerConfig(num_layers=6, num_heads=16, hidden_dim=1024, dropout=0.3),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class Transformer(EncoderDecoderModel):
    """Post-norm blocks, sinusoids, ReLU; one table for source, target and output (section 3.4).

    Args:
        config: TransformerConfig, or a dict of its fields.

    Call arguments and returns: as for `EncoderDecoderModel`.
    """

    config_class = TransformerConfig
    presets = PRESETS

    def __init__(self, config, *, name="transformer", **kwargs):
        super().__init__(config, name=name, **kwargs)
        width, spread = self.config.hidden_dim, self.config.initializer_range
        self.token_embedding = TokenEmbedding(
            self.config.vocabulary_size,
            width,
            initializer=keras.initializers.RandomNormal(stddev=spread * width**-0.5),
            name="token_embedding",
            dtype=self.dtype_policy,
        )
        self.position_encoding = PositionalEncoding(
            name="position_encoding", dtype=self.dtype_policy
        )
        self.encoder = self._stack("encoder", writes=False)
        self.decoder = self._stack("decoder", writes=True)
        self.build(None)

    def _stack(self, name, writes):
        """The blocks of the encoder, or of the decoder, which `writes`."""
        blocks = [self._block(f"block_{i}", writes) for i in range(self.config.num_layers)]
        return Stack(blocks, dropout=self.config.dropout, name=name, dtype=self.dtype_policy)

    def _block(self, name, writes):
        config, dtype = self.config, self.dtype_policy
        shared = {"dropout": config.dropout, "dtype": dtype}
        attention = MultiHeadSelfAttention(
            config.num_heads,
            causal=writes,
            kernel_initializer=self._glorot(),
            output_initializer=self._glorot(),
            name="attention",
            **shared,
        )
        cross_attention = MultiHeadCrossAttention(
            config.num_heads,
            kernel_initializer=self._glorot(),
            name="cross_attention",
            **shared,
        )
        feed_forward = FeedForward(
            config.intermediate_dim,
            activation="relu",
            kernel_initializer=self._glorot(),
            output_initializer=self._glorot(),
            name="feed_forward",
            **shared,
        )
        return Block(
            attention,
            feed_forward,
            order="post",
            cross_attention=cross_attention if writes else None,
            name=name,
            dtype=dtype,
        )

    def _glorot(self):
        """A new one for each use: an initializer gives the same numbers each time."""
        return keras.initializers.VarianceScaling(
            self.config.initializer_range**2, mode="fan_avg", distribution="uniform"
        )

    def embedded(self, token_ids, positions):
        """Embeddings times the root of m, and sinusoids (sections 3.4 and 3.5)."""
        x = self.token_embedding(token_ids) * self.config.hidden_dim**0.5
        return self.position_encoding(x, positions)
