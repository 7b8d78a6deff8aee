"""From a published checkpoint to a model: each tensor is used once, one at a time."""

import contextlib
import dataclasses
import re

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.pretrained.checkpoint_folder import CheckpointFolder
from tfzoo.pretrained.families import family_of
from tfzoo.pretrained.rules import as_named, with_what_they_read
from tfzoo.pretrained.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """What of a checkpoint is not in the model: what `writing` needs to write it as it was.

    Attributes:
        config: dict, its `config.json`.
        prefixed: bool. Whether the body's names have the family's prefix.
        parts: list of str, the parts that it has; others that the model has are new.
        dtypes: dict of the tensors' names to their dtypes, as safetensors calls them.
        generation: dict, its `generation_config.json`; empty where it has none.
    """

    config: dict
    prefixed: bool
    parts: list[str]
    dtypes: dict[str, str]
    generation: dict = dataclasses.field(default_factory=dict)


def read_model(folder, dtype=None, flag: str = "--from"):
    """Makes the model that a folder holds.

    At most one tensor of the file is in memory beside the model's weights.

    Args:
        folder: path of `config.json` and safetensors, or a `CheckpointFolder`.
        dtype: str or Keras dtype policy, of the computation; None: Keras's own default.
        flag: str, what named the folder, for messages.

    Returns:
        The `models.Model` with its heads, and what it was made of, `Published`.

    Raises:
        UsageError: if the folder holds no model that is known, a switch that is not known, or a
            tensor that is missing, left over, of another shape, or not finite.
    """
    source = folder
    if not isinstance(source, CheckpointFolder):
        source = CheckpointFolder(folder, flag)
    family, config = _shape(source)
    prefixed = any(name.startswith(family.prefix) for name in source.shapes)
    known = family.parts(config)
    parts = _present(as_named(known, family.prefix if prefixed else "", source.shapes), source)
    _check_names(parts, known, family.ignored(config), source)
    _check_problem(parts, source)
    with _faults_of_config(source):
        model = family.model(config, dtype=dtype)
    for part in parts:
        if part.head is not None:
            model.add_head(part.name, part.head(source.shapes))
    _place(parts, model, source)
    names = [part.name for part in parts]
    return model, Published(
        config=source.config,
        prefixed=prefixed,
        parts=names,
        dtypes=source.dtypes,
        generation=source.generation,
    )


def read_shape(folder, flag: str = "--from"):
    """Our class of the model that a folder holds, and its configuration record.

    Raises:
        UsageError: if the folder holds no model that is known, or a switch that is not known.
    """
    family, config = _shape(CheckpointFolder(folder, flag))
    return family.model, config


def _shape(source):
    """The family of a folder, and our configuration record of its model."""
    family = family_of(source)
    where = f"{source.flag}={source.path}: config.json"
    settings = Settings(source.config, where, source.shapes, source.same)
    with _faults_of_config(source):
        config = family.read_config(settings)
    settings.refuse_the_rest()
    return family, config


@contextlib.contextmanager
def _faults_of_config(source):
    """What no model can be made of is config.json's fault."""
    try:
        yield
    except UsageError:
        raise
    except ValueError as error:
        raise source.fault(f"has a config.json that fits no model ({error})", "Mend it") from error


def _present(parts, source):
    """The body, and the other parts that the file has something of, or says that it has."""
    body, *others = parts
    found = [
        part
        for part in others
        if not part.rules
        or _is_named(part, source)
        or any(rule.theirs in source.shapes for rule in part.rules)
    ]
    found = [part for part in found if part.fits(source.shapes)]
    found = [p for p in found if _is_named(p, source) or not any(_clash(p, q) for q in found)]
    names = with_what_they_read(others, {part.name for part in found})
    return [body, *(part for part in others if part.name in names)]


def _is_named(part, source):
    return part.architecture in _architectures(source)


def _architectures(source):
    """The classes of transformers that a file says it is of."""
    named = source.config.get("architectures")
    return named if isinstance(named, list) else []


def _clash(part, other):
    """Whether two parts claim the same tensor, of which a file can only have one."""
    names, others = ({rule.theirs for rule in x.rules} for x in (part, other))
    return part.name != other.name and not names.isdisjoint(others)


def _check_names(parts, known, ignored, source):
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
            f"Is config.json that of another model? Its architectures are {_architectures(source)}"
            f", and known are {', '.join(p.architecture for p in known if p.architecture)}",
        )


def _check_problem(parts, source):
    """That labels are what ours are: one of them holds."""
    problem = source.config.get("problem_type")
    is_one = problem in (None, "single_label_classification")
    if any(part.name == "classification" for part in parts) and not is_one:
        raise source.fault(
            f"has a config.json with problem_type={problem!r} and several labels, which ours tell "
            "apart as labels of which one holds",
            "Take the key out of the file to read the head's numbers nonetheless",
        )


def _and_others(names):
    return f" (and {len(names) - 1} others)" if len(names) > 1 else ""


def _place(parts, model, source):
    variables = {v.path.split("/", 1)[1]: v for v in model.trainable_variables}
    filled = dict.fromkeys(variables, 0)
    for rule in (rule for part in parts for rule in part.rules):
        variable = variables[rule.ours]
        first, end = rule.columns or (0, variable.shape[-1])
        array = _fitting(rule, [*variable.shape[:-1], end - first], source)
        if rule.again:
            _check_same(rule, array, variable, source)
        else:
            _assign(variable, first, end, array)
            filled[rule.ours] += end - first
    _check_filled(parts, variables, filled)


def _fitting(rule, expected, source):
    """The array of a tensor, as ours."""
    array = rule.to_ours(source.read(rule.theirs))
    if list(array.shape) != expected:
        raise source.fault(
            f"has a tensor {rule.theirs} of shape {list(source.shapes[rule.theirs])}, which "
            f"does not fit its config.json: our {rule.ours} takes {expected}",
            "Copy the folder again",
        )
    return np.ascontiguousarray(array)


def _check_same(rule, array, variable, source):
    if not np.array_equal(array.astype(variable.dtype), variable.numpy()):
        raise source.fault(
            f"has a tensor {rule.theirs} of other numbers than what config.json ties it to, our "
            f"{rule.ours}",
            "Set tie_word_embeddings to false there if it is to be a table of its own",
        )


def _assign(variable, first, end, array):
    value = tf.cast(array, variable.dtype)
    if end - first == variable.shape[-1]:
        variable.assign(value)
    else:
        variable.value[..., first:end].assign(value)


def _check_filled(parts, variables, filled):
    """That the table of rules leaves no column of what it speaks of as it was."""
    for rule in (rule for part in parts for rule in part.rules):
        if filled[rule.ours] != variables[rule.ours].shape[-1]:
            raise AssertionError(f"The rules do not fill {rule.ours}, or fill it twice.")
