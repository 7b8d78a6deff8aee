"""BERT (Devlin et al., 2019, arXiv:1810.04805)."""

import dataclasses

import keras

from tfzoo.models.encoder import EncoderConfig, EncoderModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class BERTConfig(EncoderConfig):
    """What makes one BERT differ from another: see `EncoderConfig`."""

    vocabulary_size: int = 30522


def _cased(**fields):
    return BERTConfig(vocabulary_size=28996, **fields)


PRESETS = {
    "bert_tiny": BERTConfig(num_layers=2, num_heads=2, hidden_dim=128),
    "bert_mini": BERTConfig(num_layers=4, num_heads=4, hidden_dim=256),
    "bert_small": BERTConfig(num_layers=4, num_heads=8, hidden_dim=512),
    "bert_medium": BERTConfig(num_layers=8, num_heads=8, hidden_dim=512),
    "bert_base_cased": _cased(num_layers=12, num_heads=12, hidden_dim=768),
    "bert_base_uncased": BERTConfig(num_layers=12, num_heads=12, hidden_dim=768),
    "bert_large_cased": _cased(num_layers=24, num_heads=16, hidden_dim=1024),
    "bert_large_uncased": BERTConfig(num_layers=24, num_heads=16, hidden_dim=1024),
}


@keras.saving.register_keras_serializable(package="tfzoo")
class BERT(EncoderModel):
    """A bidirectional encoder with segments, a pooler and a head for masked words.

    Args:
        config: BERTConfig, or a dict of its fields.

    Call arguments and returns: as for `EncoderModel`.
    """

    config_class = BERTConfig
    presets = PRESETS

    def __init__(self, config, *, name="bert", **kwargs):
        super().__init__(config, name=name, **kwargs)
