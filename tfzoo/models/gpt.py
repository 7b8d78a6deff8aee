"""GPT (Radford et al., 2018, "Improving Language Understanding by Generative Pre-Training")."""

import dataclasses
import functools

import keras

from tfzoo.layers import (
    Block,
    FeedForward,
    LayerNormalization,
    MultiHeadSelfAttention,
    PositionEmbedding,
)
from tfzoo.models.decoder import Decoder, DecoderModel
from tfzoo.models.model import ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class GPTConfig(ModelConfig):
    """What makes one GPT differ from another.

    Attributes: as for `ModelConfig`; `max_sequence_length` positions are learned; and
        tied_embeddings: bool. Whether the token embeddings are the output table too.
        activation: str, one of `kernels.ACTIVATIONS`.
        norm_epsilon: float, added to the variance by each normalization.
    """

    vocabulary_size: int = 40478
    max_sequence_length: int = 512
    tied_embeddings: bool = True
    activation: str = "gelu_tanh"
    norm_epsilon: float = 1e-5


PRESETS = {"gpt": GPTConfig(num_layers=12, num_heads=12, hidden_dim=768)}


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT(DecoderModel):
    """A causal language model: post-norm blocks, learned positions, tied embeddings, tanh GELU.

    Section 4.1: "layernorm is used extensively throughout the model", after each sum as in Vaswani
    et al., so that none follows the last block; all weights start from N(0, 0.02).

    Args:
        config: GPTConfig, or a dict of its fields.

    Call arguments and returns: as for `DecoderModel`.
    """

    config_class = GPTConfig
    presets = PRESETS
    learns_positions = True

    def __init__(self, config, *, name="gpt", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_decoder(self):
        config, dtype = self.config, self.dtype_policy
        return Decoder(
            token_embedding=self.make_table("token_embedding"),
            position_embedding=PositionEmbedding(
                config.max_sequence_length,
                initializer=config.initializer(),
                name="position_embedding",
                dtype=dtype,
            ),
            blocks=[self._block(f"block_{i}") for i in range(config.num_layers)],
            output_table=None if config.tied_embeddings else self.make_table("output_table"),
            dropout=config.dropout,
            name="decoder",
            dtype=dtype,
        )

    def _block(self, name):
        config = self.config
        shared = {
            "dropout": config.dropout,
            "kernel_initializer": config.initializer(),
            "output_initializer": config.initializer(),
            "dtype": self.dtype_policy,
        }
        return Block(
            MultiHeadSelfAttention(config.num_heads, causal=True, name="attention", **shared),
            FeedForward(
                config.intermediate_dim,
                activation=config.activation,
                name="feed_forward",
                **shared,
            ),
            norm=functools.partial(LayerNormalization, config.norm_epsilon),
            order="post",
            name=name,
            dtype=self.dtype_policy,
        )
