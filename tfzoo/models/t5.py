"""T5 (Raffel et al., 2020, arXiv:1910.10683), and its version 1.1 (2020, published code)."""

import dataclasses
import functools

import keras

from tfzoo.layers import (
    Block,
    FeedForward,
    GatedFeedForward,
    MultiHeadSelfAttention,
    RMSNormalization,
    TokenEmbedding,
)
from tfzoo.layers.attention import AttentionVariant
from tfzoo.layers.cross_attention import MultiHeadCrossAttention
from tfzoo.layers.relative_bias import RelativePositionBias
from tfzoo.models.encoder_decoder import EncoderDecoderModel, Stack
from tfzoo.models.model import ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class T5Config(ModelConfig):
    """What makes one T5 differ from another.

    Attributes: those of `ModelConfig`, where
        num_layers: int, blocks of the encoder.
        initializer_range: float, a factor of the first weights, whose size follows their widths;
    and
        num_decoder_layers: int, blocks of the decoder; None: as many.
        head_dim: int, d; the heads together need not be as wide as m.
        gated: bool. Whether the feed-forward network is gated.
        activation: str, one of `kernels.ACTIVATIONS`; None: a tanh GELU if gated, else a ReLU.
        tied_embeddings: bool. Whether the token embeddings are the output table too.
        scaled_output: bool. Whether the output table reads states times `m^-0.5`; None: if it is
            tied.
        num_buckets: int, of relative positions.
        max_distance: int, from which on all distances share a bucket.
        norm_epsilon: float, added to the mean square by each normalization.
    """

    vocabulary_size: int = 32128
    max_sequence_length: int = 512
    initializer_range: float = 1.0
    num_decoder_layers: int | None = None
    head_dim: int = 64
    gated: bool = False
    activation: str | None = None
    tied_embeddings: bool = True
    scaled_output: bool | None = None
    num_buckets: int = 32
    max_distance: int = 128
    norm_epsilon: float = 1e-6

    @property
    def feed_forward_activation(self):
        """A name in `kernels.ACTIVATIONS`."""
        return self.activation or ("gelu_tanh" if self.gated else "relu")

    @property
    def scales_output(self):
        """Whether the output table reads states times `m^-0.5`."""
        return self.tied_embeddings if self.scaled_output is None else self.scaled_output


def _version_1_1(**sizes):
    return T5Config(gated=True, tied_embeddings=False, **sizes)


PRESETS = {
    "t5_tiny": T5Config(
        vocabulary_size=8000, num_layers=2, num_heads=4, hidden_dim=128, head_dim=32
    ),
    "t5_small": T5Config(num_layers=6, num_heads=8, hidden_dim=512),
    "t5_base": T5Config(num_layers=12, num_heads=12, hidden_dim=768),
    "t5_large": T5Config(num_layers=24, num_heads=16, hidden_dim=1024),
    "t5_1_1_small": _version_1_1(num_layers=8, num_heads=6, hidden_dim=512, intermediate_dim=1024),
    "t5_1_1_base": _version_1_1(num_layers=12, num_heads=12, hidden_dim=768, intermediate_dim=2048),
    "t5_1_1_large": _version_1_1(
        num_layers=24, num_heads=16, hidden_dim=1024, intermediate_dim=2816
    ),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class SmallerQueries(keras.initializers.Initializer):
    """A fused query, key and value matrix of fan-in variance, queries smaller by `1 / sqrt(d)`.

    So products of queries and keys start as they are elsewhere after the scaling that T5 omits.

    Args:
        head_dim: int > 0, d.
        factor: float, of the standard deviation.
    """

    def __init__(self, head_dim, factor=1.0):
        self.head_dim = head_dim
        self.factor = factor

    def __call__(self, shape, dtype=None):
        whole = _by_fan_in(self.factor)(shape, dtype)
        query, rest = keras.ops.split(whole, [shape[-1] // 3], axis=-1)
        return keras.ops.concatenate([query * self.head_dim**-0.5, rest], axis=-1)

    def get_config(self):
        return {"head_dim": self.head_dim, "factor": self.factor}


def _by_fan_in(factor):
    return keras.initializers.VarianceScaling(factor**2, distribution="untruncated_normal")


@keras.saving.register_keras_serializable(package="tfzoo")
class T5(EncoderDecoderModel):
    """Pre-norm blocks that read relative positions, RMS norms, no biases, no scaling of products.

    Args:
        config: T5Config, or a dict of its fields.

    Call arguments and returns: as for `EncoderDecoderModel`.
    """

    config_class = T5Config
    presets = PRESETS

    def __init__(self, config, *, name="t5", **kwargs):
        super().__init__(config, name=name, **kwargs)
        config = self.config
        self.token_embedding = self._table("token_embedding", config.initializer_range)
        self.output_table = None
        if not config.tied_embeddings:
            stddev = config.initializer_range * config.hidden_dim**-0.5
            self.output_table = self._table("output_table", stddev)
        layers = config.num_layers
        self.encoder = self._stack("encoder", layers, writes=False)
        self.decoder = self._stack("decoder", config.num_decoder_layers or layers, writes=True)
        self.build(None)

    def _table(self, name, stddev):
        return TokenEmbedding(
            self.config.vocabulary_size,
            self.config.hidden_dim,
            initializer=keras.initializers.RandomNormal(stddev=stddev),
            name=name,
            dtype=self.dtype_policy,
        )

    def _stack(self, name, num_layers, writes):
        """The blocks of the encoder, or of the decoder, which `writes`."""
        config, dtype = self.config, self.dtype_policy
        stddev = config.initializer_range * config.hidden_dim**-0.5
        position_bias = RelativePositionBias(
            config.num_heads,
            num_buckets=config.num_buckets,
            max_distance=config.max_distance,
            bidirectional=not writes,
            initializer=keras.initializers.RandomNormal(stddev=stddev),
            name="position_bias",
            dtype=dtype,
        )
        return Stack(
            [self._block(f"block_{i}", writes) for i in range(num_layers)],
            position_bias=position_bias,
            final_norm=RMSNormalization(config.norm_epsilon, name="final_norm", dtype=dtype),
            dropout=config.dropout,
            name=name,
            dtype=dtype,
        )

    def _block(self, name, writes):
        return Block(
            self._attention(causal=writes),
            self._feed_forward(),
            norm=functools.partial(RMSNormalization, self.config.norm_epsilon),
            cross_attention=self._cross_attention() if writes else None,
            name=name,
            dtype=self.dtype_policy,
        )

    def _attention(self, causal):
        config, factor = self.config, self.config.initializer_range
        return MultiHeadSelfAttention(
            config.num_heads,
            causal=causal,
            variant=AttentionVariant(
                head_dim=config.head_dim, scale=1.0, input_bias=False, output_bias=False
            ),
            dropout=config.dropout,
            kernel_initializer=SmallerQueries(config.head_dim, factor),
            output_initializer=_by_fan_in(factor),
            name="attention",
            dtype=self.dtype_policy,
        )

    def _cross_attention(self):
        config, factor = self.config, self.config.initializer_range
        return MultiHeadCrossAttention(
            config.num_heads,
            head_dim=config.head_dim,
            scale=1.0,
            use_bias=False,
            dropout=config.dropout,
            kernel_initializer=_by_fan_in(factor),
            query_initializer=_by_fan_in(factor * config.head_dim**-0.5),
            output_initializer=_by_fan_in(factor),
            name="cross_attention",
            dtype=self.dtype_policy,
        )

    def _feed_forward(self):
        config, factor = self.config, self.config.initializer_range
        kind = GatedFeedForward if config.gated else FeedForward
        return kind(
            config.intermediate_dim,
            activation=config.feed_forward_activation,
            use_bias=False,
            dropout=config.dropout,
            kernel_initializer=_by_fan_in(factor),
            output_initializer=_by_fan_in(factor),
            name="feed_forward",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape=None):
        super().build(input_shape)
        if self.output_table is not None:
            self.output_table.build(None)

    def embedded(self, token_ids, positions):
        """The embeddings alone: blocks tell positions apart."""
        return self.token_embedding(token_ids)

    def prediction_states(self, hidden):
        """Times `m^-0.5` if the table is tied (published code): its rows start so much longer."""
        return hidden * self.config.hidden_dim**-0.5 if self.config.scales_output else hidden

    def output_weights(self):
        """float (v, m), in the compute dtype."""
        return (self.output_table or self.token_embedding).output_weights()
