"""DistilBERT (Sanh et al., 2019, arXiv:1910.01108): half of BERT's layers, taught by BERT."""

import dataclasses

import keras

from tfzoo.models.encoder import EncoderConfig, EncoderModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistilBERTConfig(EncoderConfig):
    """What makes one DistilBERT differ from another: see `EncoderConfig`."""

    vocabulary_size: int = 30522
    num_segments: int = 1


PRESETS = {
    "distilbert_base_cased": DistilBERTConfig(
        vocabulary_size=28996, num_layers=6, num_heads=12, hidden_dim=768
    ),
    "distilbert_base_uncased": DistilBERTConfig(num_layers=6, num_heads=12, hidden_dim=768),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class DistilBERT(EncoderModel):
    """A bidirectional encoder without segments or pooler (section 3).

    Args:
        config: DistilBERTConfig, or a dict of its fields.

    Call arguments and returns: as for `EncoderModel`.
    """

    config_class = DistilBERTConfig
    presets = PRESETS
    hidden_activation = "relu"

    def __init__(self, config, *, name="distilbert", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_encoder(self):
        return super().make_encoder(has_segments=False)
