"""ALBERT (Lan et al., 2020, arXiv:1909.11942): a BERT whose layers are one layer."""

import dataclasses

import keras

from tfzoo.models.encoder import EncoderConfig, EncoderModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class ALBERTConfig(EncoderConfig):
    """What makes one ALBERT differ from another.

    Attributes: those of `EncoderConfig`, and
        embedding_dim: int, e, width of the embedding table.
    """

    vocabulary_size: int = 30000
    embedding_dim: int = 128
    dropout: float = 0.0
    activation: str = "gelu_tanh"


PRESETS = {
    "albert_base": ALBERTConfig(num_layers=12, num_heads=12, hidden_dim=768),
    "albert_large": ALBERTConfig(num_layers=24, num_heads=16, hidden_dim=1024),
    "albert_xlarge": ALBERTConfig(num_layers=24, num_heads=16, hidden_dim=2048),
    "albert_xxlarge": ALBERTConfig(num_layers=12, num_heads=64, hidden_dim=4096),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class ALBERT(EncoderModel):
    """A BERT with one block for all layers and a factorized embedding table (version 2 sizes).

    Args:
        config: ALBERTConfig, or a dict of its fields.

    Call arguments and returns: as for `EncoderModel`.
    """

    config_class = ALBERTConfig
    presets = PRESETS

    def __init__(self, config, *, name="albert", **kwargs):
        super().__init__(config, name=name, **kwargs)

    def make_encoder(self):
        return super().make_encoder(embedding_dim=self.config.embedding_dim, shares_block=True)
