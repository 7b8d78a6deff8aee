"""RoBERTa (Liu et al., 2019, arXiv:1907.11692): BERT's encoder, trained on masked words alone."""

import dataclasses

import keras

from tfzoo.models.encoder import EncoderConfig, EncoderModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoBERTaConfig(EncoderConfig):
    """What makes one RoBERTa differ from another.

    Attributes: those of `EncoderConfig`, and
        first_position: int, row of the position table of a row's first token: those before it
            belong to padding and are never read.
    """

    vocabulary_size: int = 50265
    num_segments: int = 1
    norm_epsilon: float = 1e-5
    first_position: int = 2


PRESETS = {
    "roberta_base": RoBERTaConfig(num_layers=12, num_heads=12, hidden_dim=768),
    "roberta_large": RoBERTaConfig(num_layers=24, num_heads=16, hidden_dim=1024),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class RoBERTa(EncoderModel):
    """A bidirectional encoder without segments or pooler; places are counted from 2.

    Args:
        config: RoBERTaConfig, or a dict of its fields.

    Call arguments and returns: as for `EncoderModel`.
    """

    config_class = RoBERTaConfig
    presets = PRESETS
    head_activation = "gelu_erf"
    hidden_activation = "tanh"

    def __init__(self, config, *, name="roberta", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_encoder(self):
        return super().make_encoder(first_position=self.config.first_position)
