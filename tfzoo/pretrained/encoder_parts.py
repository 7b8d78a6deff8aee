"""What published encoders share: BERT's names of sizes and tensors, and what is on top."""

import re

from tfzoo.layers.heads import ClassificationHead, PairHead, TokenClassificationHead
from tfzoo.pretrained.family import ACTIVATION_NAMES, ACTIVATIONS
from tfzoo.pretrained.rules import (
    Part,
    Rule,
    label_or_number,
    linear,
    linears,
    norm,
    num_outputs,
    table,
)

# Our names in a block to BERT's in a layer.
LAYER = {
    "attention/query_key_value": [f"attention.self.{x}" for x in ("query", "key", "value")],
    "attention/output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feed_forward/intermediate": "intermediate.dense",
    "feed_forward/output": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}


def check_is_encoder(settings) -> None:
    """Refuses what makes other models than encoders with learned places of these files.

    Raises:
        UsageError: naming the key and its value.
    """
    settings.only(
        is_decoder=False,
        add_cross_attention=False,
        is_encoder_decoder=False,
        position_embedding_type="absolute",
        pruned_heads=({},),
    )


def read_sizes(settings, activation: str = "gelu") -> dict:
    """Fields of an `EncoderConfig`, of a `config.json` that has BERT's names.

    Args:
        settings: `Settings`.
        activation: str, transformers' name of what it takes where the file leaves that out.
    """
    check_is_encoder(settings)
    return {
        "vocabulary_size": settings.number("vocab_size"),
        "max_sequence_length": settings.number("max_position_embeddings"),
        "hidden_dim": settings.number("hidden_size"),
        "num_layers": settings.number("num_hidden_layers"),
        "num_heads": settings.number("num_attention_heads"),
        "intermediate_dim": settings.number("intermediate_size"),
        "num_segments": settings.take("type_vocab_size", 2),
        "norm_epsilon": settings.take("layer_norm_eps", 1e-12),
        "tied_embeddings": settings.take("tie_word_embeddings", True),
        "activation": settings.choose("hidden_act", ACTIVATIONS, activation),
        "dropout": settings.dropout("hidden_dropout_prob", 0.1),
    }


def write_sizes(config) -> dict:
    """What `read_sizes` takes."""
    return {
        "vocab_size": config.vocabulary_size,
        "max_position_embeddings": config.max_sequence_length,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.intermediate_dim,
        "type_vocab_size": config.num_segments,
        "layer_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied_embeddings,
        "hidden_act": ACTIVATION_NAMES[config.activation],
        **dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), config.dropout),
    }


def embeddings(has_segments: bool = True) -> list[Rule]:
    """The tables of tokens, places and segments, and the norm of their sum."""
    tables = {"word": "token", "position": "position"}
    if has_segments:
        tables["token_type"] = "segment"
    rules = [
        table(f"embeddings.{theirs}_embeddings", f"encoder/{ours}_embedding")
        for theirs, ours in tables.items()
    ]
    return rules + norm("embeddings.LayerNorm", "encoder/embedding_norm")


def layer(theirs: str, ours: str, width: int, names=LAYER) -> list[Rule]:
    """One post-norm block.

    Args:
        theirs: str, what stands before their names.
        ours: str, the block's path.
        width: int, m.
        names: dict with the keys of `LAYER`.
    """
    joined = "attention/query_key_value"
    rules = linears([f"{theirs}.{x}" for x in names[joined]], f"{ours}/{joined}", [width] * 3)
    for name in ("attention/output", "feed_forward/intermediate", "feed_forward/output"):
        rules += linear(f"{theirs}.{names[name]}", f"{ours}/{name}")
    for name in ("attention_norm", "feed_forward_norm"):
        rules += norm(f"{theirs}.{names[name]}", f"{ours}/{name}")
    return rules


def masked_words(config, family: str, *, dense, layer_norm, decoder, bias=None) -> Part:
    """The head for masked words.

    The bias that counts is that of `decoder`. Most files have it by its other name alone, `bias`.

    Args:
        config: our configuration record.
        family: str, what transformers' classes of this family start with.
        dense, layer_norm, decoder: str, names of its three layers.
        bias: str, the other name of the bias; None: it has one.
    """
    tied, biases = config.tied_embeddings, (f"{decoder}.bias", bias or f"{decoder}.bias")
    output_table = table(decoder, "output_table")
    if tied:
        token_table = "encoder/token_embedding/embeddings"
        output_table = Rule(theirs=f"{decoder}.weight", ours=token_table, again=True)
    rules = [
        *linear(dense, "masked_word_head/dense"),
        *norm(layer_norm, "masked_word_head/norm"),
        Rule(theirs=biases[tied], others=biases, ours="masked_word_head/output_bias"),
        output_table,
    ]
    return Part(name="masked_words", rules=tuple(rules), architecture=f"{family}ForMaskedLM")


def pair(name: str, theirs: str, architecture: str) -> Part:
    """A head for pairs of segments. Its labels mean what they do in our tasks: 0, as in the text.

    Args:
        name: str, what the task calls it.
        theirs: str, the name of its layer.
        architecture: str, the class of transformers that has it.
    """
    return Part(
        name=name,
        rules=tuple(linear(theirs, f"heads/{name}/labels")),
        reads=("pooler",),
        head=lambda shapes: PairHead(),
        architecture=architecture,
    )


def token_labels(family: str) -> Part:
    """A head for the labels of tokens; `family` as for `masked_words`."""
    return Part(
        name="token_classification",
        rules=tuple(linear("classifier", "heads/token_classification/labels")),
        head=lambda shapes: TokenClassificationHead(num_outputs(shapes, "classifier.weight")),
        architecture=f"{family}ForTokenClassification",
    )


def labels(family: str, theirs: str = "classifier", hidden: str | None = None) -> list[Part]:
    """A head for the label of a text, or for a number.

    Args:
        family: str, as for `masked_words`.
        theirs: str, the name of the layer that gives the labels.
        hidden: str, that of the hidden layer before; None: it reads what the pooler gives.
    """
    rules = linear(theirs, "heads/classification/labels")
    if hidden is not None:
        rules += linear(hidden, "heads/classification/hidden")
    part = Part(
        name="classification",
        rules=tuple(rules),
        reads=("pooler",) if hidden is None else (),
        head=lambda shapes: ClassificationHead(num_outputs(shapes, f"{theirs}.weight")),
        architecture=f"{family}ForSequenceClassification",
    )
    return label_or_number(part, f"{theirs}.weight")


def left_out(prefix: str, bias: str | None = None) -> dict[str, str]:
    """Patterns of names that are left out, and why.

    Args:
        prefix: str, the family's.
        bias: str, as for `masked_words`.
    """
    buffers = rf"({re.escape(prefix)})?embeddings\.(position_ids|token_type_ids)"
    names = {buffers: "the numbers of places and of segments, no weights"}
    if bias is not None:
        names[re.escape(bias)] = "not read beside the bias of the decoder"
    return names
