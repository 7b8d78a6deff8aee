"""GPT-NeoX (Black et al., 2022, arXiv:2204.06745); Pythia (Biderman et al., 2023, 2304.01373)."""

import dataclasses
import functools

import keras

from tfzoo.layers import (
    Block,
    FeedForward,
    LayerNormalization,
    MultiHeadSelfAttention,
    RotaryEmbedding,
)
from tfzoo.layers.attention import AttentionVariant
from tfzoo.models.decoder import Decoder, DecoderModel
from tfzoo.models.rotary import RotaryConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class GPTNeoXConfig(RotaryConfig):
    """What makes one GPT-NeoX differ from another.

    Attributes: as for `RotaryConfig`, and
        rotary_fraction: float in (0, 1], share of each head that is turned by the position.
        parallel: bool. Whether the feed-forward reads the block's input beside the attention, or
            what the attention has added to it.
        attention_bias: bool. Whether the products of the attention have biases.
        tied_embeddings: bool. Whether the token embeddings are the output table too.
        activation: str, one of `kernels.ACTIVATIONS`.
        norm_epsilon: float, added to the variance by each normalization.
    """

    vocabulary_size: int = 50304
    max_sequence_length: int = 2048
    dropout: float = 0.0
    rotary_fraction: float = 0.25
    parallel: bool = True
    attention_bias: bool = True
    tied_embeddings: bool = False
    activation: str = "gelu_erf"
    norm_epsilon: float = 1e-5

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.rotary_fraction <= 1 or self.rotary_dim < 1 or self.rotary_dim % 2:
            raise ValueError(
                "`rotary_fraction` must be in (0, 1] and turn an even number of a head's channels, "
                f"for they turn in pairs. Received: rotary_fraction={self.rotary_fraction}, head "
                f"width={self.hidden_dim // self.num_heads}."
            )

    @property
    def rotary_dim(self):
        """Channels of each head that are turned."""
        return int(self.rotary_fraction * (self.hidden_dim // self.num_heads))


PRESETS = {
    "pythia_14m": GPTNeoXConfig(num_layers=6, num_heads=4, hidden_dim=128),
    "pythia_70m": GPTNeoXConfig(num_layers=6, num_heads=8, hidden_dim=512),
    "pythia_160m": GPTNeoXConfig(num_layers=12, num_heads=12, hidden_dim=768),
    "pythia_410m": GPTNeoXConfig(num_layers=24, num_heads=16, hidden_dim=1024),
    "pythia_1b": GPTNeoXConfig(num_layers=16, num_heads=8, hidden_dim=2048),
    "pythia_1_4b": GPTNeoXConfig(num_layers=24, num_heads=16, hidden_dim=2048),
    "pythia_2_8b": GPTNeoXConfig(num_layers=32, num_heads=32, hidden_dim=2560),
    "pythia_6_9b": GPTNeoXConfig(
        num_layers=32, num_heads=32, hidden_dim=4096, vocabulary_size=50432
    ),
    "pythia_12b": GPTNeoXConfig(
        num_layers=36, num_heads=40, hidden_dim=5120, vocabulary_size=50688
    ),
    "gpt_neox_20b": GPTNeoXConfig(
        num_layers=44, num_heads=64, hidden_dim=6144, vocabulary_size=50432
    ),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class GPTNeoX(DecoderModel):
    """A causal language model: rotary positions, parallel blocks, an output table of its own.

    Attention and feed-forward both read the block's input, each through a norm of its own
    (section 2.1.2), and a quarter of each head is turned (section 2.1.1). The GELU is the exact
    one.

    Args:
        config: GPTNeoXConfig, or a dict of its fields.

    Call arguments and returns: as for `DecoderModel`.
    """

    config_class = GPTNeoXConfig
    presets = PRESETS

    def __init__(self, config, *, name="gpt_neox", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_decoder(self):
        config, dtype = self.config, self.dtype_policy
        return Decoder(
            token_embedding=self.make_table("token_embedding"),
            blocks=[self._block(f"block_{i}") for i in range(config.num_layers)],
            final_norm=LayerNormalization(config.norm_epsilon, name="final_norm", dtype=dtype),
            output_table=None if config.tied_embeddings else self.make_table("output_table"),
            dropout=config.dropout,
            name="decoder",
            dtype=dtype,
        )

    def _block(self, name):
        config = self.config
        shared = {"dropout": config.dropout, "dtype": self.dtype_policy}
        output_scale = (2 * config.num_layers) ** -0.5
        attention = MultiHeadSelfAttention(
            config.num_heads,
            causal=True,
            kernel_initializer=config.initializer(),
            output_initializer=config.initializer(output_scale),
            rotary=RotaryEmbedding(
                config.rotary_dim, base=config.rotary_base, scaling=config.rotary_scaling
            ),
            variant=AttentionVariant(
                input_bias=config.attention_bias, output_bias=config.attention_bias
            ),
            name="attention",
            **shared,
        )
        feed_forward = FeedForward(
            config.intermediate_dim,
            activation=config.activation,
            kernel_initializer=config.initializer(),
            output_initializer=config.initializer(output_scale),
            name="feed_forward",
            **shared,
        )
        return Block(
            attention,
            feed_forward,
            norm=functools.partial(LayerNormalization, config.norm_epsilon),
            order="parallel" if config.parallel else "pre",
            name=name,
            dtype=self.dtype_policy,
        )
