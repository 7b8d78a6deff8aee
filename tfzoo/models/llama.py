"""Llama (Touvron et al., 2023, arXiv:2302.13971) and its kin: Mistral, Qwen2.5, Qwen3, SmolLM2."""

import dataclasses
import functools

import keras

from tfzoo.layers import (
    Block,
    GatedFeedForward,
    MultiHeadSelfAttention,
    RMSNormalization,
    RotaryEmbedding,
)
from tfzoo.layers.attention import AttentionVariant
from tfzoo.models.decoder import Decoder, DecoderModel
from tfzoo.models.rotary import RotaryConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class LlamaConfig(RotaryConfig):
    """What makes one Llama differ from another.

    Attributes: as for `RotaryConfig`, where `intermediate_dim` None is 8/3 m, up to a multiple of
        64, and
        num_key_value_heads: int, each read by an equal number of query heads; None: num_heads.
        head_dim: int, d; None: hidden_dim / num_heads.
        window: int, how many tokens each token reads, its own included; None: all before it.
        input_bias: bool. Whether queries, keys and values have biases (Qwen2.5).
        output_bias: bool. Whether the joined heads have one.
        feed_forward_bias: bool. Whether the products of the feed-forward have biases.
        head_norm: bool. Whether each head's queries and keys are normalized (Qwen3).
        tied_embeddings: bool. Whether the token embeddings are the output table too.
        norm_epsilon: float, added to the mean square by each normalization.
    """

    dropout: float = 0.0
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    window: int | None = None
    input_bias: bool = False
    output_bias: bool = False
    feed_forward_bias: bool = False
    head_norm: bool = False
    tied_embeddings: bool = True
    norm_epsilon: float = 1e-5

    def __post_init__(self):
        super().__post_init__()
        if self.num_heads % (self.num_key_value_heads or self.num_heads):
            raise ValueError(
                "`num_key_value_heads` must divide `num_heads`. Received: "
                f"num_key_value_heads={self.num_key_value_heads}, num_heads={self.num_heads}."
            )
        head_dim = self.head_dim or self.hidden_dim // self.num_heads
        if head_dim % 2:
            raise ValueError(
                "The width of a head must be even, for channels turn in pairs. "
                f"Received: head_dim={head_dim}."
            )

    def default_intermediate_dim(self):
        return -(-8 * self.hidden_dim // (3 * 64)) * 64


PRESETS = {
    "llama_tiny": LlamaConfig(
        vocabulary_size=32000,
        num_layers=4,
        num_heads=4,
        num_key_value_heads=2,
        hidden_dim=256,
        intermediate_dim=768,  # A block then has the products of one of gpt2_mini.
        max_sequence_length=256,
    ),
    "llama_3_2_1b": LlamaConfig(
        vocabulary_size=128256,
        num_layers=16,
        num_heads=32,
        num_key_value_heads=8,
        hidden_dim=2048,
        intermediate_dim=8192,
        max_sequence_length=131072,
        rotary_base=500_000.0,
    ),
    "mistral_7b": LlamaConfig(
        vocabulary_size=32000,
        num_layers=32,
        num_heads=32,
        num_key_value_heads=8,
        hidden_dim=4096,
        intermediate_dim=14336,
        max_sequence_length=32768,
        window=4096,
        tied_embeddings=False,
    ),
    "qwen2_5_0_5b": LlamaConfig(
        vocabulary_size=151936,
        num_layers=24,
        num_heads=14,
        num_key_value_heads=2,
        hidden_dim=896,
        intermediate_dim=4864,
        max_sequence_length=32768,
        input_bias=True,
        rotary_base=1_000_000.0,
        norm_epsilon=1e-6,
    ),
    "qwen3_0_6b": LlamaConfig(
        vocabulary_size=151936,
        num_layers=28,
        num_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        hidden_dim=1024,
        intermediate_dim=3072,
        max_sequence_length=40960,
        head_norm=True,
        rotary_base=1_000_000.0,
        norm_epsilon=1e-6,
    ),
    "smollm2_135m": LlamaConfig(
        vocabulary_size=49152,
        num_layers=30,
        num_heads=9,
        num_key_value_heads=3,
        hidden_dim=576,
        intermediate_dim=1536,
        max_sequence_length=8192,
        rotary_base=100_000.0,
    ),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class Llama(DecoderModel):
    """A causal language model: RMSNorm before each sub-layer, rotary positions, gated SiLU.

    Section 2.2; several query heads may share a key head (Touvron et al., 2023, arXiv:2307.09288,
    section 2.2).

    Args:
        config: LlamaConfig, or a dict of its fields.

    Call arguments and returns: as for `DecoderModel`.
    """

    config_class = LlamaConfig
    presets = PRESETS

    def __init__(self, config, *, name="llama", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_decoder(self):
        config, dtype = self.config, self.dtype_policy
        norm = functools.partial(RMSNormalization, config.norm_epsilon)
        return Decoder(
            token_embedding=self.make_table("token_embedding"),
            blocks=[self._block(f"block_{i}", norm) for i in range(config.num_layers)],
            final_norm=norm(name="final_norm", dtype=dtype),
            output_table=None if config.tied_embeddings else self.make_table("output_table"),
            dropout=config.dropout,
            name="decoder",
            dtype=dtype,
        )

    def _block(self, name, norm):
        config = self.config
        shared = {"dropout": config.dropout, "dtype": self.dtype_policy}
        output_scale = (2 * config.num_layers) ** -0.5
        attention = MultiHeadSelfAttention(
            config.num_heads,
            causal=True,
            kernel_initializer=config.initializer(),
            output_initializer=config.initializer(output_scale),
            rotary=RotaryEmbedding(base=config.rotary_base, scaling=config.rotary_scaling),
            variant=AttentionVariant(
                num_key_value_heads=config.num_key_value_heads,
                head_dim=config.head_dim,
                window=config.window,
                input_bias=config.input_bias,
                output_bias=config.output_bias,
                head_norm_epsilon=config.norm_epsilon if config.head_norm else None,
            ),
            name="attention",
            **shared,
        )
        feed_forward = GatedFeedForward(
            config.intermediate_dim,
            use_bias=config.feed_forward_bias,
            kernel_initializer=config.initializer(),
            output_initializer=config.initializer(output_scale),
            name="feed_forward",
            **shared,
        )
        return Block(attention, feed_forward, norm=norm, name=name, dtype=self.dtype_policy)
