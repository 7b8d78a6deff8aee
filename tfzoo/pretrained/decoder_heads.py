"""What published decoders have on top: an output table, or labels read from the last token."""

from tfzoo.layers.heads import ClassificationHead
from tfzoo.pretrained.rules import Part, linear, table


def decoder_heads(config, name: str, language_model: str = "LMHeadModel") -> list[Part]:
    """The parts of a decoder that are not its body.

    Args:
        config: our configuration record, with `tied_embeddings`.
        name: str, what transformers' classes of this family start with.
        language_model: str, what the name of the one that writes ends with.
    """
    own_table = () if config.tied_embeddings else (table("lm_head", "decoder/output_table"),)
    return [
        Part(name="language_model", rules=own_table, architecture=name + language_model),
        Part(
            name="classification",
            rules=tuple(linear("score", "heads/classification/labels", bias=False)),
            head=lambda shapes: ClassificationHead(shapes["score.weight"][0], use_bias=False),
            architecture=f"{name}ForSequenceClassification",
        ),
    ]


def tied_table(config) -> dict[str, str]:
    """The names of an output table that is the token embeddings, and why it is left out."""
    tied = {r"lm_head\.weight": "the token embeddings again, for the two are tied"}
    return tied if config.tied_embeddings else {}
