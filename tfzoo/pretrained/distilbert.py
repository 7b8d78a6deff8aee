"""DistilBERT: `model_type` distilbert."""

from tfzoo.errors import UsageError
from tfzoo.models.distilbert import DistilBERT, DistilBERTConfig
from tfzoo.pretrained import encoder_parts
from tfzoo.pretrained.family import ACTIVATION_NAMES, ACTIVATIONS, Family
from tfzoo.pretrained.rules import Part

_PREFIX = "distilbert."
_EPSILON = 1e-12
LAYER = {
    "attention/query_key_value": [f"attention.{x}_lin" for x in "qkv"],
    "attention/output": "attention.out_lin",
    "attention_norm": "sa_layer_norm",
    "feed_forward/intermediate": "ffn.lin1",
    "feed_forward/output": "ffn.lin2",
    "feed_forward_norm": "output_layer_norm",
}


def read_config(settings):
    """Places are a table of the file, also where `sinusoidal_pos_embds` says how it was filled."""
    encoder_parts.check_is_encoder(settings)
    settings.only(tie_weights_=True)
    return DistilBERTConfig(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=settings.number("max_position_embeddings"),
        hidden_dim=settings.number("dim"),
        num_layers=settings.number("n_layers"),
        num_heads=settings.number("n_heads"),
        intermediate_dim=settings.number("hidden_dim"),
        norm_epsilon=_EPSILON,
        tied_embeddings=settings.take("tie_word_embeddings", True),
        dropout=settings.dropout("dropout", 0.1),
        activation=settings.choose("activation", ACTIVATIONS, "gelu"),
    )


def write_config(config):
    if config.norm_epsilon != _EPSILON:
        raise UsageError(
            f"--model_dir: a DistilBERT with norm_epsilon={config.norm_epsilon} cannot be written "
            f"for transformers, whose DistilBERT always has {_EPSILON}."
        )
    return {
        "vocab_size": config.vocabulary_size,
        "max_position_embeddings": config.max_sequence_length,
        "dim": config.hidden_dim,
        "n_layers": config.num_layers,
        "n_heads": config.num_heads,
        "hidden_dim": config.intermediate_dim,
        "tie_word_embeddings": config.tied_embeddings,
        "activation": ACTIVATION_NAMES[config.activation],
        **dict.fromkeys(("dropout", "attention_dropout"), config.dropout),
    }


def parts(config):
    body = encoder_parts.embeddings(has_segments=False)
    for i in range(config.num_layers):
        theirs, ours = f"transformer.layer.{i}", f"encoder/block_{i}"
        body += encoder_parts.layer(theirs, ours, config.hidden_dim, LAYER)
    return [
        Part(name="body", rules=tuple(body)),
        encoder_parts.masked_words(
            config,
            "DistilBert",
            dense="vocab_transform",
            layer_norm="vocab_layer_norm",
            decoder="vocab_projector",
        ),
        encoder_parts.token_labels("DistilBert"),
        *encoder_parts.labels("DistilBert", hidden="pre_classifier"),
    ]


FAMILY = Family(
    model=DistilBERT,
    prefix=_PREFIX,
    architecture="DistilBertModel",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=lambda config: encoder_parts.left_out(_PREFIX),
)
