"""What all models share: presets, heads, logits, and how one is rebuilt from what describes it."""

import dataclasses

import keras
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import shapes
from tfzoo.kernels.bfloat16 import matmul, product_dtype
from tfzoo.layers.growing import Growing
from tfzoo.models.adapters import add_adapters


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The sizes that every family has.

    Attributes:
        vocabulary_size: int, v.
        num_layers: int, blocks.
        num_heads: int, heads of each attention; must divide hidden_dim.
        hidden_dim: int, m.
        intermediate_dim: int, f; None: 4 m.
        max_sequence_length: int, tokens that a row may have.
        dropout: float in [0, 1).
        initializer_range: float, standard deviation of the first weights.
    """

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int | None = None
    max_sequence_length: int
    dropout: float = 0.1
    initializer_range: float = 0.02

    def __post_init__(self):
        if self.intermediate_dim is None:
            object.__setattr__(self, "intermediate_dim", self.default_intermediate_dim())
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value) is int and value < 1:
                raise ValueError(f"`{field.name}` must be at least 1. Received: {value}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1). Received: {self.dropout}")
        if getattr(self, "head_dim", None) is None and self.hidden_dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. "
                f"Received: num_heads={self.num_heads}, hidden_dim={self.hidden_dim}."
            )

    def default_intermediate_dim(self):
        """f, where it is not given."""
        return 4 * self.hidden_dim

    def initializer(self, scale=1.0):
        """A new initializer: one that is used twice gives the same numbers twice."""
        return keras.initializers.RandomNormal(stddev=scale * self.initializer_range)


class Model(keras.Model):
    """The base of each family's class.

    A family sets `config_class`, `presets`, `kind` ("decoder", "encoder" or "encoder_decoder") and
    `learns_positions` (whether `max_sequence_length` is the number of vectors that it learns),
    makes its layers in `__init__` and ends that with `self.build(None)`: a model is built from the
    start.

    Args:
        config: the family's configuration record, or a dict of its fields.

    Attributes:
        heads: dict, name to layer: what `add_head` has added.
        adapters: `Adapters`, or None: what `add_adapters` has added and `merge` has not yet.
        remat: bool. Whether each block is computed anew in the backward pass, to save memory.
    """

    config_class = ModelConfig
    presets = {}
    kind = None
    learns_positions = False

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = self.config_class(**config) if isinstance(config, dict) else config
        self.adapters = None
        self._heads = Growing(name="heads", dtype=self.dtype_policy)

    @classmethod
    def from_preset(cls, name, dtype=None, **overrides):
        """A new model of a preset's shape, with random weights.

        Args:
            name: str, a key of the family's `presets`.
            dtype: str or Keras dtype policy; None: Keras's own default.
            **overrides: fields of the family's configuration to change. `intermediate_dim` follows
                `hidden_dim`.

        Raises:
            ValueError: if there is no such preset.
        """
        if name not in cls.presets:
            raise ValueError(f"`name` must be one of {list(cls.presets)}. Received: name={name}")
        if "hidden_dim" in overrides:
            overrides.setdefault("intermediate_dim", None)
        return cls(dataclasses.replace(cls.presets[name], **overrides), dtype=dtype)

    def build(self, input_shape=None):
        for layer in self.layers:
            if layer is not self._heads:
                layer.build((None, None, self.config.hidden_dim))
        self.built = True

    @property
    def heads(self):
        return {layer.name: layer for layer in self._heads.layers}

    def add_head(self, name, layer):
        """Adds a layer that reads hidden states, for a task; it is saved with the model.

        Args:
            name: str. The head's weights are at `<model>/heads/<name>/...`.
            layer: Keras layer, built here for input (b, t, m) or (b, m), of either shape alike.

        Returns:
            The layer, which now has that name.

        Raises:
            ValueError: if there is a head of this name.
        """
        if name in self.heads:
            raise ValueError(f"`name` must be new. Received: name={name}")
        layer = type(layer).from_config({**layer.get_config(), "name": name})
        with keras.name_scope(self.name), keras.name_scope(self._heads.name):
            layer.build((None, self.config.hidden_dim))
        self._heads.layers.append(layer)
        return layer

    @property
    def remat(self):
        return any(getattr(layer, "remat", False) for layer in self.layers)

    @remat.setter
    def remat(self, remat):
        for layer in self.layers:
            if hasattr(layer, "remat"):
                layer.remat = remat

    def prediction_states(self, hidden):
        """float (..., e), in the compute dtype: what is multiplied by `output_weights()`."""
        return hidden

    def output_weights(self):
        """float (v, e), as stored: products with it are made in the compute dtype."""
        raise NotImplementedError

    def output_bias(self):
        """float (v,), added to the logits, or None."""
        return None

    def logits(self, hidden, output_kernel=None):
        """float (..., m) to float32 (..., v).

        A loop may hand in `output_kernel`, made once: the transpose of `output_weights()`, or what
        `kernels.turned` makes of these.
        """
        states = self.prediction_states(hidden)
        rows = tf.reshape(states, [-1, states.shape[-1]])
        if output_kernel is None:
            table = tf.cast(self.output_weights(), product_dtype(rows.dtype))
            logits = matmul(rows, table, transpose_b=True)
        else:
            logits = kernels.product(rows, output_kernel)
        vocabulary = self.config.vocabulary_size
        logits = shapes.with_last(tf.cast(logits, tf.float32), hidden, vocabulary)
        bias = self.output_bias()
        return logits if bias is None else logits + tf.cast(bias, tf.float32)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        adapters = {"adapters": dataclasses.asdict(self.adapters)} if self.adapters else {}
        return {
            "config": dataclasses.asdict(self.config),
            "heads": {name: serialize(layer) for name, layer in self.heads.items()},
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **adapters,
        }

    @classmethod
    def from_config(cls, config):
        heads, adapters = config.pop("heads", {}), config.pop("adapters", None)
        model = cls(**config)
        for name, layer in heads.items():
            # As it was saved: what a family changes about a new head is in it already.
            Model.add_head(model, name, keras.saving.deserialize_keras_object(layer))
        if adapters:
            add_adapters(model, **adapters)
        return model
