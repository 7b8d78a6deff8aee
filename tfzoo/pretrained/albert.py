"""ALBERT: `model_type` albert."""

from tfzoo.models.albert import ALBERT, ALBERTConfig
from tfzoo.pretrained import encoder_parts
from tfzoo.pretrained.family import Family
from tfzoo.pretrained.rules import Part, linear

_PREFIX = "albert."
_BIAS = "predictions.bias"
LAYER = {
    "attention/query_key_value": [f"attention.{x}" for x in ("query", "key", "value")],
    "attention/output": "attention.dense",
    "attention_norm": "attention.LayerNorm",
    "feed_forward/intermediate": "ffn",
    "feed_forward/output": "ffn_output",
    "feed_forward_norm": "full_layer_layer_norm",
}


def read_config(settings):
    settings.only(num_hidden_groups=1, inner_group_num=1)
    return ALBERTConfig(
        **encoder_parts.read_sizes(settings, "gelu_new"),
        embedding_dim=settings.take("embedding_size", 128),
    )


def write_config(config):
    written = {"embedding_size": config.embedding_dim, "num_hidden_groups": 1, "inner_group_num": 1}
    return encoder_parts.write_sizes(config) | written


def parts(config):
    theirs = "encoder.albert_layer_groups.0.albert_layers.0"
    body = [
        *encoder_parts.embeddings(),
        *linear("encoder.embedding_hidden_mapping_in", "encoder/widening"),
        *encoder_parts.layer(theirs, "encoder/block", config.hidden_dim, LAYER),
    ]
    return [
        Part(name="body", rules=tuple(body)),
        Part(name="pooler", rules=tuple(linear("pooler", "pooler/dense")), prefixed=True),
        encoder_parts.masked_words(
            config,
            "Albert",
            dense="predictions.dense",
            layer_norm="predictions.LayerNorm",
            decoder="predictions.decoder",
            bias=_BIAS,
        ),
        encoder_parts.pair("sentence_order", "sop_classifier.classifier", "AlbertForPreTraining"),
        encoder_parts.token_labels("Albert"),
        *encoder_parts.labels("Albert"),
    ]


FAMILY = Family(
    model=ALBERT,
    prefix=_PREFIX,
    architecture="AlbertModel",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=lambda config: encoder_parts.left_out(_PREFIX, _BIAS),
)
