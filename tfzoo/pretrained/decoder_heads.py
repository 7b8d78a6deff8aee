"""What published decoders have on top: an output table, or labels read from the last token."""

from tfzoo.layers.heads import ClassificationHead
from tfzoo.pretrained.rules import Part, Rule, linear, num_outputs, table


def decoder_heads(config, name: str, language_model: str = "LMHeadModel") -> list[Part]:
    """The parts of a decoder that are not its body.

    Args:
        config: our configuration record, with `tied_embeddings`.
        name: str, what transformers' classes of this family start with.
        language_model: str, what the name of the one that writes ends with.
    """
    output_table = table("lm_head", "decoder/output_table")
    if config.tied_embeddings:
        token_table = "decoder/token_embedding/embeddings"
        output_table = Rule(theirs="lm_head.weight", ours=token_table, again=True)
    return [
        Part(name="language_model", rules=(output_table,), architecture=name + language_model),
        Part(
            name="classification",
            rules=tuple(linear("score", "heads/classification/labels", bias=False)),
            head=lambda shapes: ClassificationHead(
                num_outputs(shapes, "score.weight"), use_bias=False
            ),
            architecture=f"{name}ForSequenceClassification",
        ),
    ]
