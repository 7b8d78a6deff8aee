"""GPT-2 (Radford et al., 2019, "Language Models are Unsupervised Multitask Learners")."""

import dataclasses

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.models.decoder import Decoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class GPT2Config:
    """What makes one GPT-2 differ from another.

    Attributes:
        vocabulary_size: int, v.
        num_layers: int, blocks.
        num_heads: int, heads of each attention; must divide hidden_dim.
        hidden_dim: int, m.
        intermediate_dim: int, f; None: 4 m.
        max_sequence_length: int, positions that are learned.
        dropout: float in [0, 1).
        initializer_range: float, standard deviation of the first weights.
    """

    vocabulary_size: int = 50257
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int | None = None
    max_sequence_length: int = 1024
    dropout: float = 0.1
    initializer_range: float = 0.02

    def __post_init__(self):
        if self.intermediate_dim is None:
            object.__setattr__(self, "intermediate_dim", 4 * self.hidden_dim)
        for name in (
            "vocabulary_size",
            "num_layers",
            "num_heads",
            "hidden_dim",
            "intermediate_dim",
            "max_sequence_length",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1). Received: {self.dropout}")
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. "
                f"Received: num_heads={self.num_heads}, hidden_dim={self.hidden_dim}."
            )


PRESETS = {
    "gpt2_tiny": GPT2Config(num_layers=2, num_heads=2, hidden_dim=64, max_sequence_length=128),
    "gpt2_mini": GPT2Config(num_layers=4, num_heads=4, hidden_dim=256, max_sequence_length=256),
    "gpt2_nano": GPT2Config(num_layers=6, num_heads=6, hidden_dim=384, max_sequence_length=256),
    "gpt2_small": GPT2Config(num_layers=12, num_heads=12, hidden_dim=768),
    "gpt2_medium": GPT2Config(num_layers=24, num_heads=16, hidden_dim=1024),
    "gpt2_large": GPT2Config(num_layers=36, num_heads=20, hidden_dim=1280),
    "gpt2_xl": GPT2Config(num_layers=48, num_heads=25, hidden_dim=1600),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT2(keras.Model):
    """A causal language model: pre-norm blocks, learned positions, tied embeddings, tanh GELU.

    Args:
        config: GPT2Config, or a dict of its fields.

    Call arguments:
        token_ids: int32 (b, t).
        padding_mask: bool (b, t), True at tokens, padding on either side; with a cache, bool (b, s)
            over its columns. None means no padding.
        cache: `layers.KeyValueCache` from `new_cache`, or None. The tokens are then the next ones,
            and the cache's attributes are replaced by those that include them.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, v): logits of the token that follows each token.
    """

    config_class = GPT2Config
    presets = PRESETS

    def __init__(self, config, *, name="gpt2", **kwargs):
        super().__init__(name=name, **kwargs)
        self.config = GPT2Config(**config) if isinstance(config, dict) else config
        self.decoder = Decoder(self.config, name="decoder", dtype=self.dtype_policy)
        self.build(None)

    @classmethod
    def from_preset(cls, name, dtype=None, **overrides):
        """A new model of a preset's shape, with random weights.

        Args:
            name: str, a key of `GPT2.presets`.
            dtype: str or Keras dtype policy; None: Keras's own default.
            **overrides: fields of `GPT2Config` to change. `intermediate_dim` follows `hidden_dim`.

        Raises:
            ValueError: if there is no such preset.
        """
        if name not in cls.presets:
            raise ValueError(f"`name` must be one of {list(cls.presets)}. Received: name={name}")
        if "hidden_dim" in overrides:
            overrides.setdefault("intermediate_dim", None)
        return cls(dataclasses.replace(cls.presets[name], **overrides), dtype=dtype)

    def build(self, input_shape=None):
        self.decoder.build(None)
        self.built = True

    def call(self, token_ids, padding_mask=None, cache=None, training=None):
        return self.logits(self.hidden_states(token_ids, padding_mask, cache, training))

    def hidden_states(self, token_ids, padding_mask=None, cache=None, training=None):
        """float (b, t, m), what `call` turns into logits; in the compute dtype."""
        return self.decoder(token_ids, padding_mask, cache=cache, training=training)

    def output_weights(self):
        """float (v, m), in the compute dtype: logits are hidden states times its transpose."""
        return self.decoder.token_embedding.output_weights()

    def logits(self, hidden, output_kernel=None):
        """float (..., m) to float32 (..., v).

        A loop may hand in `output_kernel`, the transpose of `output_weights()`, made once.
        """
        rows = tf.reshape(hidden, [-1, self.config.hidden_dim])
        if output_kernel is None:
            logits = tf.matmul(rows, self.output_weights(), transpose_b=True)
        else:
            logits = kernels.product(rows, output_kernel)
        shape = tf.concat([tf.shape(hidden)[:-1], [self.config.vocabulary_size]], 0)
        logits = tf.reshape(tf.cast(logits, tf.float32), shape)
        return tf.ensure_shape(logits, [*hidden.shape[:-1], self.config.vocabulary_size])

    def new_cache(self, batch_size, length):
        """An empty `layers.KeyValueCache` for `length` tokens a row."""
        return self.decoder.new_cache(batch_size, length)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.vocabulary_size)

    def get_config(self):
        return {
            "config": dataclasses.asdict(self.config),
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }
