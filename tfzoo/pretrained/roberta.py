"""RoBERTa: `model_type` roberta."""

from tfzoo.layers.heads import Pooler
from tfzoo.models.roberta import RoBERTa, RoBERTaConfig
from tfzoo.pretrained import encoder_parts
from tfzoo.pretrained.family import Family
from tfzoo.pretrained.rules import Part, linear

_PREFIX = "roberta."
_BIAS = "lm_head.bias"


def read_config(settings):
    """Places are counted from after the padding's id, and rows before theirs count as places."""
    sizes = encoder_parts.read_sizes(settings)
    first = settings.take("pad_token_id", 1) + 1
    sizes["max_sequence_length"] -= first
    return RoBERTaConfig(**sizes, first_position=first)


def write_config(config):
    return encoder_parts.write_sizes(config) | {
        "max_position_embeddings": config.max_sequence_length + config.first_position,
        "pad_token_id": config.first_position - 1,
    }


def parts(config):
    """Our model has no pooler by itself; of a file that has one it is a head that no task reads."""
    body = encoder_parts.embeddings()
    for i in range(config.num_layers):
        body += encoder_parts.layer(f"encoder.layer.{i}", f"encoder/block_{i}", config.hidden_dim)
    pooler = linear("pooler.dense", "heads/pooler/dense")
    return [
        Part(name="body", rules=tuple(body)),
        Part(name="pooler", rules=tuple(pooler), prefixed=True, head=lambda shapes: Pooler()),
        encoder_parts.masked_words(
            config,
            "Roberta",
            dense="lm_head.dense",
            layer_norm="lm_head.layer_norm",
            decoder="lm_head.decoder",
            bias=_BIAS,
        ),
        encoder_parts.token_labels("Roberta"),
        *encoder_parts.labels("Roberta", "classifier.out_proj", "classifier.dense"),
    ]


FAMILY = Family(
    model=RoBERTa,
    prefix=_PREFIX,
    architecture="RobertaModel",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=lambda config: encoder_parts.left_out(_PREFIX, _BIAS),
)
