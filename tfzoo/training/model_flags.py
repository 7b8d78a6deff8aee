"""The model that the flags tell of: a preset with changes, or what --init_from holds."""

import dataclasses
import types
import typing

from tfzoo.errors import UsageError, suggestion
from tfzoo.models import MODELS, PRESETS, registry
from tfzoo.tasks import TASKS
from tfzoo.training import fine_tuning, pretrained

# What flags may say of a model whose weights are taken over.
FREE_FIELDS = ("vocabulary_size", "max_sequence_length", "dropout")
_SET_BY = {"vocabulary_size": "the tokenizer", "max_sequence_length": "--sequence_length"}


def model_class(config) -> type:
    """The family's class that --preset or --init_from names.

    Raises:
        UsageError: if there is no such preset or run.
    """
    return MODELS[origin(config)[0]]


def model_overrides(config) -> dict:
    """The fields that differ from the preset, from --model_overrides, --dropout, --sequence_length.

    Raises:
        UsageError: for a field that does not exist, or is not its kind of number.
    """
    config_class = type(origin(config)[1])
    overrides = dict(override(item, config_class) for item in config.model_overrides)
    if config.dropout is not None:
        overrides["dropout"] = config.dropout
    if config.sequence_length is not None:
        overrides["max_sequence_length"] = config.sequence_length
    return overrides


def model_config(config, **more):
    """The model's own configuration, as the flags give it; `more` are further fields.

    Raises:
        UsageError: if its fields do not go together.
    """
    overrides = model_overrides(config)
    if not config.init_from:
        return changed_preset(config.preset, overrides | more)
    free = {name: value for name, value in overrides.items() if name in FREE_FIELDS}
    return dataclasses.replace(origin(config)[1], **free | more)


def changed_preset(name: str, overrides):
    """The configuration of a preset with other fields."""
    if "hidden_dim" in overrides:
        overrides.setdefault("intermediate_dim", None)
    return changed(known_preset(name)[1], overrides, f"--preset={name}")


def changed(record, overrides, flag: str):
    """A model's configuration with other fields; `flag` tells in a UsageError whose it is."""
    try:
        return dataclasses.replace(record, **overrides)
    except ValueError as error:
        raise UsageError(f"{flag} with --model_overrides: {error}") from error


def origin(config):
    """The family and the configuration record that the run begins with, before --dropout etc."""
    return pretrained.shape(config) if config.init_from else known_preset(config.preset)


def known_preset(name: str):
    """The family and the configuration of a preset."""
    if name not in PRESETS:
        raise UsageError(f"--preset={name} is not known.{suggestion(name, PRESETS)}")
    return PRESETS[name]


def override(item: str, config_class) -> tuple[str, object]:
    """The name and the value of one of --model_overrides."""
    name, equals, text = item.partition("=")
    kinds = {field.name: _kind(field.type) for field in dataclasses.fields(config_class)}
    if not equals:
        raise UsageError(f"--model_overrides must be name=value,... Received: {item!r}.")
    if name in _SET_BY:
        raise UsageError(
            f"--model_overrides must not hold {name}, which {_SET_BY[name]} sets. Leave it out."
        )
    if name not in kinds:
        raise UsageError(f"--model_overrides: no {name!r} in this model.{suggestion(name, kinds)}")
    try:
        return name, _parsed(kinds[name], text)
    except ValueError as error:
        raise UsageError(
            f"--model_overrides: {name} must be of type {kinds[name].__name__}. Received: {item!r}."
        ) from error


def _parsed(kind: type, text: str):
    if kind is not bool:
        return kind(text)
    if text.lower() not in ("true", "false"):
        raise ValueError(f"neither true nor false: {text}")
    return text.lower() == "true"


def _kind(annotation) -> type:
    if isinstance(annotation, types.UnionType):
        return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType)
    return annotation


def imagined_model(config, **more):
    """The run's model without values, to see its weights and which are trained; `more` are fields.

    Its heads are of two labels, for how many there are only the data tell.

    Raises:
        UsageError: if a flag names weights or products that it has not.
    """
    heads = TASKS[config.task].from_config(config, None, labels=("", "")).heads()

    def make():
        model = model_class(config)(model_config(config, **more))
        for name, head in heads.items():
            model.add_head(name, head)
        fine_tuning.choose_trained(config, model)
        return model

    return registry.imagined(make)
