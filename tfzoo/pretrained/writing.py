"""From a model to a published checkpoint: what was read is written bit for bit as it was."""

import json
import os
from pathlib import Path

import numpy as np
import safetensors.numpy

from tfzoo.errors import UsageError
from tfzoo.pretrained import generation_config
from tfzoo.pretrained.checkpoint_folder import DTYPES
from tfzoo.pretrained.families import family_for
from tfzoo.pretrained.rules import as_named, with_what_they_read
from tfzoo.pretrained.settings import Settings

LABELLED = ("classification", "token_classification")


def write_model(model, folder, published=None, labels=(), token_ids=None) -> None:
    """Writes `config.json` and `model.safetensors` as transformers reads them.

    Args:
        model: `models.Model` of one of the `FAMILIES`.
        folder: path of a folder that is there.
        published: `Published`, of a model that was read by `read_model`; None: float32 tensors
            with the prefix, and every part that the model has.
        labels: names of the labels of a classification, in order; none: LABEL_0, LABEL_1, ...
        token_ids: dict, keys of `config.json` for a tokenizer's ids, for a model that was not read.

    Raises:
        UsageError: if transformers has no such model.
        ValueError: if the model has adapters.
    """
    if model.adapters is not None:
        raise ValueError("`model` must have no adapters. Merge them, or write them by themselves.")
    kind, family = family_for(model)
    parts = _parts_of(model, family, published)
    config = family.write_config(model.config) | {
        "model_type": kind,
        "architectures": [_architecture(family, parts)],
    }
    if "regression" in model.heads:
        config |= {"problem_type": "regression", "id2label": {"0": "LABEL_0"}}
    for head in model.heads.keys() & set(LABELLED):
        names = labels or _numbered(model.heads[head].num_labels)
        config["id2label"] = {str(i): name for i, name in enumerate(names)}
        config["label2id"] = {name: i for i, name in enumerate(names)}
    if published is not None:
        config = _as_it_was(family, model.config, config, published, parts)
    prefix, dtypes = _names(family, parts, published)
    arrays = _arrays(as_named(parts, prefix, dtypes), model, dtypes)
    if published is None:
        config = {**(token_ids or {}), **config, "dtype": "float32"}
    elif published.generation:
        write_json(Path(folder) / generation_config.FILE, published.generation)
    write_json(Path(folder) / "config.json", config)
    safetensors.numpy.save_file(
        arrays, Path(folder) / "model.safetensors", metadata={"format": "pt"}
    )


def _numbered(num_labels):
    return [f"LABEL_{i}" for i in range(num_labels)]


def _parts_of(model, family, published):
    parts = family.parts(model.config)
    names = {part.name for part in parts if part.head is None} | model.heads.keys()
    with_weights = {name for name, head in model.heads.items() if head.weights}
    if unknown := with_weights - {part.name for part in parts}:
        raise UsageError(
            f"--model_dir: transformers' {family.architecture} has no head like "
            f"{sorted(unknown)[0]!r}, so the model cannot be written whole."
        )
    if published is not None:
        names &= with_what_they_read(parts, {*published.parts, *model.heads})
    return [part for part in parts if part.name in names]


def _architecture(family, parts):
    named = [part.architecture for part in parts if part.architecture]
    return named[-1] if named else family.architecture


def _is_whole(parts, published):
    """Whether these are the parts that were read, no more and no less."""
    return [part.name for part in parts] == published.parts


def _names(family, parts, published):
    """The prefix to write, and the dtypes of what was read; heads stand on a body with prefix."""
    if published is None:
        return family.prefix, {}
    if published.prefixed or _is_whole(parts, published):
        return family.prefix if published.prefixed else "", published.dtypes
    prefixed = {family.prefix + name: dtype for name, dtype in published.dtypes.items()}
    return family.prefix, prefixed | published.dtypes


def _as_it_was(family, record, config, published, parts):
    """The configuration that was read, with what has changed of the model since."""
    tied = getattr(record, "tied_embeddings", False)
    tensors = (published.dtypes, lambda name, other: tied)
    before = family.read_config(Settings(published.config, "config.json", *tensors))
    if before == record and _is_whole(parts, published):
        return published.config
    old = family.write_config(before)
    return published.config | {k: v for k, v in config.items() if v != old.get(k)}


def _arrays(parts, model, dtypes):
    variables = {v.path.split("/", 1)[1]: v for v in model.weights}
    arrays = {}
    for rule in (rule for part in parts for rule in part.rules):
        if rule.theirs in arrays:
            raise UsageError(
                f"--model_dir: two heads of the model, one of them at {rule.ours}, are both called "
                f"{rule.theirs} in transformers, which has no class with both."
            )
        array = variables[rule.ours].numpy()
        if rule.columns is not None:
            array = array[..., slice(*rule.columns)]
        dtype = DTYPES[dtypes.get(rule.theirs, "F32")]
        arrays[rule.theirs] = np.ascontiguousarray(rule.to_theirs(array)).astype(dtype)
    _check_heads(parts, variables)
    return arrays


def _check_heads(parts, variables):
    """That what is left of the heads changes nothing."""
    written = {rule.ours for part in parts for rule in part.rules}
    for path, variable in variables.items():
        if path.startswith("heads/") and path not in written and np.any(variable.numpy()):
            raise UsageError(
                f"--model_dir: transformers has no place for {path}, so the model cannot be "
                "written whole."
            )


def write_json(path, content) -> None:
    """Writes a dict as transformers does, through to the disk."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
