"""Low-rank adapters as the peft library saves them: in and out."""

import math
from pathlib import Path

import numpy as np
import safetensors.numpy

from tfzoo.errors import UsageError
from tfzoo.models.adapters import add_adapters, projections
from tfzoo.pretrained.checkpoint_folder import CheckpointFolder
from tfzoo.pretrained.families import family_for
from tfzoo.pretrained.rules import Rule, as_named
from tfzoo.pretrained.settings import Settings
from tfzoo.pretrained.writing import write_json

_BEFORE = "base_model.model."  # Each name in the file begins with it.
_A, _B = ".lora_A.weight", ".lora_B.weight"
_OFF = (None, False, {}, [])  # A switch of these values changes nothing.
_TASKS = {
    "decoder": "CAUSAL_LM",
    "encoder_decoder": "SEQ_2_SEQ_LM",
    "classification": "SEQ_CLS",
    "regression": "SEQ_CLS",
    "token_classification": "TOKEN_CLS",
}


class AdapterFolder(CheckpointFolder):
    """The tensors of adapters by name, and their configuration."""

    config_name = "adapter_config.json"
    weights_name = "adapter_model.safetensors"


def write_adapter(model, folder, base: str = "") -> None:
    """Writes a model's adapters, and its heads, as peft reads them.

    What has one pair for columns that are several layers of theirs is written as a pair for each,
    of the same A.

    Args:
        model: `models.Model` of one of the `FAMILIES`, with adapters.
        folder: path of a folder that is there.
        base: str, the name or folder of the model that is adapted.

    Raises:
        UsageError: if there are no adapters, or peft has no place for one of them.
    """
    if model.adapters is None:
        raise UsageError("--model_dir: the model has no adapters. Train one with --lora_rank.")
    _, family = family_for(model)
    body, *others = as_named(family.parts(model.config), family.prefix, ())
    heads = [part for part in others if part.name in model.heads]
    pairs = _pairs(body, model)
    config = _switches(model.adapters, body, heads) | {
        "base_model_name_or_path": base,
        "task_type": _TASKS.get(heads[0].name if heads else model.kind),
        "target_modules": [name.removesuffix(_A) for name in pairs if name.endswith(_A)],
    }
    arrays = {
        _BEFORE + name: np.ascontiguousarray(array)
        for name, array in (pairs | _head_arrays(heads, model)).items()
    }
    write_json(Path(folder) / AdapterFolder.config_name, config)
    path = Path(folder) / AdapterFolder.weights_name
    safetensors.numpy.save_file(arrays, path, metadata={"format": "pt"})


def _switches(adapters, body, heads) -> dict:
    modules = {rule.theirs.rpartition(".")[0]: None for part in heads for rule in part.rules}
    return {
        "peft_type": "LORA",
        "r": adapters.rank,
        "lora_alpha": adapters.alpha,
        "lora_dropout": adapters.dropout,
        "modules_to_save": list(modules) or None,
        "fan_in_fan_out": not all(map(_is_transposed, _kernels(body))),
        "bias": "none",
        "inference_mode": True,
    }


def read_adapter(model, folder, flag: str = "--from") -> None:
    """Gives a model the adapters, and the heads, that peft has saved.

    Args:
        model: the `models.Model` that they adapt, without adapters.
        folder: path of `adapter_config.json` and `adapter_model.safetensors`.
        flag: str, what named the folder, for messages.

    Raises:
        UsageError: if a switch of the configuration is not known, or a tensor has no place in the
            model, or another shape than there.
    """
    source = AdapterFolder(folder, flag)
    rank, alpha, dropout = _sizes(source)
    _, family = family_for(model)
    body, *others = as_named(family.parts(model.config), family.prefix, ())
    places = _adapted(source, _places(body, model))
    used = _read_heads(others, model, source)
    targets = [_target(*place) for place in places.values()]
    add_adapters(model, rank=rank, alpha=alpha, targets=targets, dropout=dropout)
    for module, place in places.items():
        used += _assign_pair(source, module, *place)
    if spare := sorted(source.shapes.keys() - set(used)):
        raise source.fault(
            f"has a tensor {spare[0]} that the model has no place for", "Is it of another model?"
        )


def _adapted(source, places) -> dict:
    """Those of the places that the file has adapters for."""
    names = (name.removeprefix(_BEFORE).split(".lora_") for name in source.shapes)
    modules = dict.fromkeys(parts[0] for parts in names if len(parts) == 2)
    unknown = [module for module in modules if module not in places]
    if unknown or not modules:
        found = f"adapts {unknown[0]}, which the model has not" if unknown else "holds no adapter"
        raise source.fault(found, "Is it of another model?")
    return {module: places[module] for module in modules}


def _sizes(source):
    """Rank, alpha and dropout; every other switch changes nothing, or is refused."""
    values = {name: x for name, x in source.config.items() if x not in _OFF}
    settings = Settings(values, f"{source.flag}={source.path}: {source.config_name}")
    settings.only(
        peft_type="LORA",
        bias="none",
        init_lora_weights=(True, "gaussian", "orthogonal"),
    )
    for name in _HARMLESS:
        settings.take(name)
    rank, alpha = settings.number("r"), float(settings.take("lora_alpha", 8.0))
    if settings.take("use_rslora"):
        alpha *= math.sqrt(rank)
    dropout = float(settings.take("lora_dropout", 0.0))
    settings.refuse_the_rest()
    return rank, alpha, dropout


# Whose adapters they are, and what the names of the tensors tell anyway.
_HARMLESS = (
    "auto_mapping base_model_name_or_path exclude_modules fan_in_fan_out inference_mode "
    "layers_pattern layers_to_transform megatron_core modules_to_save peft_version "
    "qalora_group_size revision target_modules task_type"
).split()


def _places(body, model) -> dict:
    """Names of their layers to our projection, and the rule of its kernel."""
    layers = {layer.path.split("/", 1)[1]: layer for layer in projections(model)}
    return {
        rule.theirs.removesuffix(".weight"): (layers[rule.ours.removesuffix("/kernel")], rule)
        for rule in _kernels(body)
    }


def _kernels(body):
    return [rule for rule in body.rules if rule.ours.endswith("/kernel")]


def _pairs(body, model) -> dict[str, np.ndarray]:
    """The pairs of all adapters by their names, without what is before each."""
    arrays, written = {}, set()
    for module, (projection, rule) in _places(body, model).items():
        for layer in projection.adapters.layers:
            b = _columns(projection, layer, rule.columns)
            if b is not None:
                b = rule.to_theirs(b)  # Which may set the columns in another order.
                arrays[module + _A] = layer.lora_a.numpy().T
                arrays[module + _B] = b if _is_transposed(rule) else b.T
                written.add(layer.path)
    for projection in projections(model):
        for layer in projection.adapters.layers:
            if layer.path not in written:
                raise UsageError(
                    f"--model_dir: peft has no place for the adapter {layer.path}: there it is no "
                    f"layer of its own. Train one with --lora_targets={projection.name}."
                )
    return arrays


def _columns(projection, layer, columns):
    """An adapter's B for some columns of the product; None if it is one of other columns."""
    whole, own = (0, projection.units), projection.columns(layer.name)
    wanted = whole if columns is None else columns
    if own == wanted:
        return layer.lora_b.numpy()
    return layer.lora_b.numpy()[:, slice(*wanted)] if own == whole else None


def _head_arrays(heads, model) -> dict[str, np.ndarray]:
    variables = {w.path.split("/", 1)[1]: w for w in model.weights if "/heads/" in w.path}
    arrays = {}
    for rule in (rule for part in heads for rule in part.rules):
        arrays[rule.theirs] = rule.to_theirs(variables.pop(rule.ours).numpy())
    if variables:
        raise UsageError(
            f"--model_dir: transformers has no place for {next(iter(variables))}, so the head "
            "cannot be written."
        )
    return arrays


def _read_heads(others, model, source) -> list[str]:
    """Gives the model the heads of which the file has tensors; the names of these."""
    shapes = {name.removeprefix(_BEFORE): shape for name, shape in source.shapes.items()}
    used = []
    for part in others:
        if not part.rules or part.rules[0].theirs not in shapes or not _is_meant(part, source):
            continue
        if part.head is not None and part.name not in model.heads:
            model.add_head(part.name, part.head(shapes))
        variables = {w.path.split("/", 1)[1]: w for w in model.weights}
        for rule in part.rules:
            used.append(_BEFORE + rule.theirs)
            array = rule.to_ours(source.read(used[-1]).astype(np.float32))
            _assign(source, used[-1], variables[rule.ours], array)
    return used


def _is_meant(part, source) -> bool:
    """Whether a head is that of the task, where several have the same names."""
    shapes = {name.removeprefix(_BEFORE): shape for name, shape in source.shapes.items()}
    task = source.config.get("task_type")
    return part.fits(shapes) and (task is None or _TASKS.get(part.name, task) == task)


def _target(projection, rule) -> str:
    """The path of an adapter's place, as `Adapters.targets` has it."""
    path = projection.path.split("/", 1)[1]
    part = _part(projection, rule.columns)
    return path if part is None else f"{path.rpartition('/')[0]}/{part}"


def _part(projection, columns):
    """The name of the part that has these columns, or None."""
    named = {projection.columns(name): name for name in projection.parts}
    return named.get(columns)


def _assign_pair(source, module, projection, rule) -> list[str]:
    """Gives an adapter its values; the names of the tensors that they were in."""
    name = _part(projection, rule.columns) or "adapter"
    layer = next(layer for layer in projection.adapters.layers if layer.name == name)
    names = [_BEFORE + module + ending for ending in (_A, _B)]
    for tensor, variable in zip(names, (layer.lora_a, layer.lora_b), strict=True):
        if tensor not in source.shapes:
            raise source.fault(f"has no tensor {tensor}", "Copy the folder again")
        if source.shapes[tensor] != tuple(variable.shape)[::-1]:
            raise _misshapen(source, tensor, variable)
        array = source.read(tensor).astype(np.float32)
        if variable is layer.lora_b:
            array = rule.to_ours(array if _is_transposed(rule) else array.T)
        _assign(source, tensor, variable, array if variable is layer.lora_b else array.T)
    return names


def _assign(source, name, variable, array):
    if array.shape != tuple(variable.shape):
        raise _misshapen(source, name, variable)
    variable.assign(array)


def _misshapen(source, name, variable):
    return source.fault(
        f"has a tensor {name} of shape {list(source.shapes[name])}, which does not fit: our "
        f"{variable.path} takes {list(variable.shape)}",
        "Is it of another model?",
    )


def _is_transposed(rule) -> bool:
    """Whether their matrix is (outputs, inputs), and not, as ours, the reverse."""
    return rule.to_ours is not Rule.to_ours
