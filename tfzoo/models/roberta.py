"""RoBERTa (Liu et al., 2019, arXiv:1907.11692): BERT's encoder, trained on masked words alone."""

import dataclasses

import keras

from tfzoo.layers.heads import ClassificationHead
from tfzoo.models.encoder import EncoderConfig, EncoderModel

FIRST_POSITION = 2  # Rows 0 and 1 of the position table belong to padding and are never read.


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoBERTaConfig(EncoderConfig):
    """What makes one RoBERTa differ from another: see `EncoderConfig`."""

    vocabulary_size: int = 50265
    num_segments: int = 1


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
    epsilon = 1e-5
    pools = False

    def __init__(self, config, *, name="roberta", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_encoder(self):
        return super().make_encoder(first_position=FIRST_POSITION)

    def add_head(self, name, layer):
        """As for every model; a classification head gets the hidden layer that no pooler gives."""
        if isinstance(layer, ClassificationHead):
            layer = ClassificationHead.from_config({**layer.get_config(), "hidden_layer": True})
        return super().add_head(name, layer)
