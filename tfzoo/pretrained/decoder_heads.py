"""What published decoders have on top: an output table, or labels read from the last token."""

from tfzoo.layers.heads import ClassificationHead
from tfzoo.pretrained.rules import Part, label_or_number, linear, num_outputs, table, tied


def decoder_heads(
    config, name: str, language_model: str = "LMHeadModel", output: str = "lm_head"
) -> list[Part]:
    """The parts of a decoder that are not its body.

    Args:
        config: our configuration record, with `tied_embeddings`.
        name: str, what transformers' classes of this family start with.
        language_model: str, what the name of the one that writes ends with.
        output: str, the name of its output table where that is not "lm_head".
    """
    names = dict.fromkeys((output, "lm_head"))
    own = table(output, "decoder/output_table", tuple(names)[1:])
    once_more = [tied(name, "decoder/token_embedding") for name in names]
    rules = tuple(once_more) if config.tied_embeddings else (own,)
    labels = Part(
        name="classification",
        rules=tuple(linear("score", "heads/classification/labels", bias=False)),
        head=lambda shapes: ClassificationHead(num_outputs(shapes, "score.weight"), use_bias=False),
        architecture=f"{name}ForSequenceClassification",
    )
    return [
        Part(name="language_model", rules=rules, architecture=name + language_model),
        *label_or_number(labels, "score.weight"),
    ]
