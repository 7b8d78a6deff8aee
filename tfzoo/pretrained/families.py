"""The families of published checkpoints, by transformers' `model_type`."""

from tfzoo.errors import UsageError
from tfzoo.pretrained import albert, bert, distilbert, gpt, gpt2, gpt_neox, llama, roberta, t5

FAMILIES = {
    "openai-gpt": gpt.FAMILY,
    "gpt2": gpt2.FAMILY,
    "gpt_neox": gpt_neox.FAMILY,
    **llama.FAMILIES,
    "bert": bert.FAMILY,
    "distilbert": distilbert.FAMILY,
    "roberta": roberta.FAMILY,
    "albert": albert.FAMILY,
    "t5": t5.FAMILY,
}


def family_of(source):
    """The family of a `CheckpointFolder`.

    Raises:
        UsageError: if its `model_type` is not known.
    """
    kind = source.config.get("model_type")
    if kind is None and "registered_name" in source.config:
        raise source.fault("is a preset of keras-hub", f"Give keras_hub:{source.path}")
    if kind not in FAMILIES:
        raise source.fault(
            f"is of model_type {kind!r}, and known are {', '.join(FAMILIES)}",
            "Give a folder of one of these",
        )
    return FAMILIES[kind]


def family_for(model):
    """The `model_type` that a model is written as, and its family.

    Raises:
        UsageError: if transformers has no such models.
    """
    for kind, family in FAMILIES.items():
        if type(model) is family.model and family.holds(model.config):
            return kind, family
    raise UsageError(
        f"--model_dir: transformers has no models like our {type(model).__name__}. Known are "
        f"{', '.join(FAMILIES)}."
    )
