"""BERT: `model_type` bert, MiniLM and other sentence encoders too."""

from tfzoo.models.bert import BERT, BERTConfig
from tfzoo.pretrained import encoder_parts
from tfzoo.pretrained.family import Family
from tfzoo.pretrained.rules import Part, linear

_PREFIX = "bert."
_BIAS = "cls.predictions.bias"


def read_config(settings):
    return BERTConfig(**encoder_parts.read_sizes(settings))


def parts(config):
    body = encoder_parts.embeddings()
    for i in range(config.num_layers):
        body += encoder_parts.layer(f"encoder.layer.{i}", f"encoder/block_{i}", config.hidden_dim)
    pooler = linear("pooler.dense", "pooler/dense")
    return [
        Part(name="body", rules=tuple(body)),
        Part(name="pooler", rules=tuple(pooler), prefixed=True),
        encoder_parts.masked_words(
            config,
            "Bert",
            dense="cls.predictions.transform.dense",
            layer_norm="cls.predictions.transform.LayerNorm",
            decoder="cls.predictions.decoder",
            bias=_BIAS,
        ),
        encoder_parts.pair("next_sentence", "cls.seq_relationship", "BertForPreTraining"),
        encoder_parts.token_labels("Bert"),
        *encoder_parts.labels("Bert"),
    ]


FAMILY = Family(
    model=BERT,
    prefix=_PREFIX,
    architecture="BertModel",
    read_config=read_config,
    write_config=encoder_parts.write_sizes,
    parts=parts,
    ignored=lambda config: encoder_parts.left_out(_PREFIX, _BIAS),
)
