"""From a published checkpoint to a model: each tensor is used once, one at a time."""

import dataclasses
import re

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.pretrained.checkpoint_folder import CheckpointFolder
from tfzoo.pretrained.families import family_of
from tfzoo.pretrained.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """What of a checkpoint is not in the model: what `writing` needs to write it as it was.

    Attributes:
        config: dict, its `config.json`.
        prefixed: bool. Whether the body's names have the family's prefix.
        parts: list of str, the parts that it has.
        dtypes: dict of the tensors' names to their dtypes, as safetensors calls them.
    """

    config: dict
    prefixed: bool
    parts: list[str]
    dtypes: dict[str, str]


def read_model(folder, dtype=None, flag: str = "--from"):
    """Makes the model that a folder holds.

    At most one tensor of the file is in memory beside the model's weights.

    Args:
        folder: path of `config.json` and safetensors.
        dtype: str or Keras dtype policy, of the computation; None: Keras's own default.
        flag: str, what named the folder, for messages.

    Returns:
        The `models.Model` with its heads, and what it was made of, `Published`.

    Raises:
        UsageError: if the folder holds no model that is known, a switch that is not known, or a
            tensor that is missing, left over, of another shape, or not finite.
    """
    source = CheckpointFolder(folder, flag)
    family = family_of(source)
    settings = Settings(source.config, f"{flag}={folder}: config.json")
    try:
        config = family.read_config(settings)
    except UsageError:
        raise
    except ValueError as error:
        raise source.fault(f"has a config.json that fits no model ({error})", "Mend it") from error
    settings.refuse_the_rest()
    prefixed = any(name.startswith(family.prefix) for name in source.shapes)
    parts = _present(family.parts(config), family.prefix if prefixed else "", source)
    _check_names(parts, family.ignored(config), source)
    model = family.model(config, dtype=dtype)
    for part in parts:
        if part.head is not None:
            model.add_head(part.name, part.head(source.shapes))
    _place(parts, model, source)
    names = [part.name for part in parts]
    published = Published(
        config=source.config, prefixed=prefixed, parts=names, dtypes=source.dtypes
    )
    return model, published


def with_prefix(parts, prefix: str) -> list:
    """The parts with the prefix before the names of the body, the first of them."""
    body, *others = parts
    rules = [dataclasses.replace(rule, theirs=prefix + rule.theirs) for rule in body.rules]
    return [dataclasses.replace(body, rules=tuple(rules)), *others]


def _present(parts, prefix, source):
    """The body, and those of the other parts that the file has something of."""
    body, *others = with_prefix(parts, prefix)
    found = [p for p in others if not p.rules or any(r.theirs in source.shapes for r in p.rules)]
    return [body, *found]


def _check_names(parts, ignored, source):
    """Every tensor is used once, or ignored for a reason."""
    used = {rule.theirs for part in parts for rule in part.rules}
    if missing := sorted(used - source.shapes.keys()):
        raise source.fault(
            f"has no tensor {missing[0]}" + _and_others(missing),
            "Is config.json that of another model? Copy the folder again",
        )
    spare = [
        name
        for name in source.shapes.keys() - used
        if not any(re.fullmatch(form, name) for form in ignored)
    ]
    if spare := sorted(spare):
        raise source.fault(
            f"has a tensor {spare[0]} that the model has no place for" + _and_others(spare),
            "Is config.json that of another model?",
        )


def _and_others(names):
    return f" (and {len(names) - 1} others)" if len(names) > 1 else ""


def _place(parts, model, source):
    variables = {v.path.split("/", 1)[1]: v for v in model.trainable_variables}
    filled = dict.fromkeys(variables, 0)
    for rule in (rule for part in parts for rule in part.rules):
        variable = variables[rule.ours]
        width = variable.shape[-1]
        first, end = rule.columns or (0, width)
        array = rule.to_ours(source.read(rule.theirs))
        if array.shape != (*variable.shape[:-1], end - first):
            raise source.fault(
                f"has a tensor {rule.theirs} of shape {list(source.shapes[rule.theirs])}, which "
                f"does not fit its config.json: our {rule.ours} takes "
                f"{[*variable.shape[:-1], end - first]}",
                "Copy the folder again",
            )
        value = tf.cast(np.ascontiguousarray(array), variable.dtype)
        if end - first == width:
            variable.assign(value)
        else:
            variable.value[..., first:end].assign(value)
        filled[rule.ours] += end - first
    _check_filled(parts, variables, filled)


def _check_filled(parts, variables, filled):
    """That the table of rules leaves no column of what it speaks of as it was."""
    for rule in (rule for part in parts for rule in part.rules):
        if filled[rule.ours] != variables[rule.ours].shape[-1]:
            raise AssertionError(f"The rules do not fill {rule.ours}, or fill it twice.")
