"""GPT-2 (Radford et al., 2019, "Language Models are Unsupervised Multitask Learners").

DialoGPT (Zhang et al., 2020, arXiv:1911.00536) is GPT-2 trained on dialogues.
"""

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
from tfzoo.layers.attention import AttentionVariant
from tfzoo.models.decoder import Decoder, DecoderModel
from tfzoo.models.model import ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class GPT2Config(ModelConfig):
    """What makes one GPT-2 differ from another.

    Attributes: as for `ModelConfig`; `max_sequence_length` positions are learned; and
        use_bias: bool. Whether the products and the normalizations have biases.
        tied_embeddings: bool. Whether the token embeddings are the output table too.
        activation: str, one of `kernels.ACTIVATIONS`.
        norm_epsilon: float, added to the variance by each normalization.
    """

    vocabulary_size: int = 50257
    max_sequence_length: int = 1024
    use_bias: bool = True
    tied_embeddings: bool = True
    activation: str = "gelu_tanh"
    norm_epsilon: float = 1e-5


_SMALL = GPT2Config(num_layers=12, num_heads=12, hidden_dim=768)
_MEDIUM = GPT2Config(num_layers=24, num_heads=16, hidden_dim=1024)
_LARGE = GPT2Config(num_layers=36, num_heads=20, hidden_dim=1280)

PRESETS = {
    "gpt2_tiny": GPT2Config(num_layers=2, num_heads=2, hidden_dim=64, max_sequence_length=128),
    "gpt2_mini": GPT2Config(num_layers=4, num_heads=4, hidden_dim=256, max_sequence_length=256),
    "gpt2_nano": GPT2Config(num_layers=6, num_heads=6, hidden_dim=384, max_sequence_length=256),
    "gpt2_small": _SMALL,
    "gpt2_medium": _MEDIUM,
    "gpt2_large": _LARGE,
    "gpt2_xl": GPT2Config(num_layers=48, num_heads=25, hidden_dim=1600),
    "dialogpt_small": _SMALL,
    "dialogpt_medium": _MEDIUM,
    "dialogpt_large": _LARGE,
}


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT2(DecoderModel):
    """A causal language model: pre-norm blocks, learned positions, tied embeddings, tanh GELU.

    Args:
        config: GPT2Config, or a dict of its fields.

    Call arguments and returns: as for `DecoderModel`.
    """

    config_class = GPT2Config
    presets = PRESETS
    learns_positions = True

    def __init__(self, config, *, name="gpt2", **kwargs):
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
            blocks=[self.make_block(f"block_{i}", i) for i in range(config.num_layers)],
            final_norm=self._norm()(name="final_norm", dtype=dtype),
            output_table=None if config.tied_embeddings else self.make_table("output_table"),
            dropout=config.dropout,
            name="decoder",
            dtype=dtype,
        )

    def make_block(self, name, number):
        """Block `number`, from 0. What its matrices add to the sum starts small (section 2.3)."""
        config = self.config
        shared = {
            "dropout": config.dropout,
            "kernel_initializer": config.initializer(),
            "output_initializer": config.initializer((2 * config.num_layers) ** -0.5),
            "dtype": self.dtype_policy,
        }
        attention = MultiHeadSelfAttention(
            config.num_heads,
            causal=True,
            variant=AttentionVariant(
                window=self.window(number),
                input_bias=config.use_bias,
                output_bias=config.use_bias,
            ),
            name="attention",
            **shared,
        )
        feed_forward = FeedForward(
            config.intermediate_dim,
            activation=config.activation,
            use_bias=config.use_bias,
            name="feed_forward",
            **shared,
        )
        return Block(attention, feed_forward, norm=self._norm(), name=name, dtype=self.dtype_policy)

    def window(self, number):
        """Tokens that each token reads in block `number`, its own included; None: all so far."""
        del number
        return None

    def _norm(self):
        config = self.config
        return functools.partial(LayerNormalization, config.norm_epsilon, use_bias=config.use_bias)
