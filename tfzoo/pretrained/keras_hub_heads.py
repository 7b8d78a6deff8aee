"""The heads that tasks of keras-hub have on top of encoders."""

import keras

from tfzoo.pretrained.keras_hub_class import Tensor, dense, norm

# Of logits, and of probabilities, which are the same here.
_OF_LABELS = (None, keras.activations.linear, keras.activations.softmax)
BACKBONE_ALONE = (
    "Save the backbone and the tokenizer alone: keras_hub.models.Backbone.from_preset(PRESET)"
    ".save_to_preset(NEW), and the same with keras_hub.tokenizers.Tokenizer"
)


def check_labels(task, fault):
    """That what becomes of the logits leaves the probabilities of the labels as they are."""
    if task.activation not in _OF_LABELS:
        name = getattr(task.activation, "__name__", task.activation)
        raise fault(
            f"has a {type(task).__name__} with activation={name!r}, and labels exclude each other "
            "here",
            BACKBONE_ALONE,
        )


def check_hidden_labels(task, fault):
    """The same, and that the hidden layer before the labels is as wide as ours."""
    check_labels(task, fault)
    width = task.backbone.hidden_dim
    if task.pooled_dense.units != width:
        raise fault(
            f"has a {type(task).__name__} with hidden_dim={task.pooled_dense.units}, and that "
            f"layer is as wide as the model here, {width}",
            BACKBONE_ALONE,
        )


def refuse_masked_words(task, fault):
    """For all but RoBERTa."""
    raise fault(
        f"has a {type(task).__name__}, whose head keras-hub computes with an epsilon of 1e-5 and "
        "its own activation, and ours, like transformers', with those of the blocks",
        BACKBONE_ALONE,
    )


def labels(task):
    """The product that gives the labels."""
    return dense("classifier", task.output_dense)


def distilbert_labels(task):
    """With the layer that DistilBERT has instead of a pooler."""
    return {**dense("pre_classifier", task.pooled_dense), **labels(task)}


def roberta_labels(task):
    """With the layer that RoBERTa has instead of a pooler."""
    return {
        **dense("classifier.dense", task.pooled_dense),
        **dense("classifier.out_proj", task.output_dense),
    }


def roberta_words(task):
    """RoBERTa's head for masked words, whose epsilon and activation are the published ones."""
    head = task.masked_lm_head
    return {
        **dense("lm_head.dense", head._intermediate_dense),
        **norm("lm_head.layer_norm", head._intermediate_layer_norm),
        "lm_head.bias": Tensor((head._bias,)),
    }
