"""`MODEL_CARD.md` of an export: what the model is and answers, what it has learnt and how well.

Of files only the last part of their paths is told.
"""

import dataclasses
import os
from pathlib import Path

from tfzoo.errors import UsageError
from tfzoo.generation.cache_size import cache_bytes
from tfzoo.serving import check_report
from tfzoo.training.metrics import read_rows
from tfzoo.training.model_dir import ModelDir

_DATA = ("task", "dataset", "text_files", "validation_files", "init_from", "prefix")

_CHECK = """\
Before it was put in place, each SavedModel was moved, opened by TensorFlow's C++ loader in a
process of its own, and asked with several rows by each signature. Differences are the largest of
all numbers that are given."""

_LICENCE = """\
## Licence

The code is under Apache-2.0. What the weights may be used for depends on what they have learnt
from; who has trained them is to tell."""


def write_model_card(
    folder, model_name, served, model, tokenizer, *, variant, checked, model_dir=None
) -> None:
    """Writes the card into the folder of a SavedModel.

    Args:
        folder: path.
        model_name: str, under which it will be served.
        served: `ServedModel`.
        model, tokenizer: what is served.
        variant: str, how the weights of this SavedModel are kept.
        checked: list of `check.Checked`, of this one and those beside it.
        model_dir: path of the run, or None.
    """
    sections = [
        f"# {model_name}",
        _what_it_is(served, model, tokenizer, variant),
        _signatures(served),
        *_of_run(model_dir),
        "## Check\n\n" + _CHECK + "\n\n" + _table(*check_report.checks(checked)),
        "## Latency\n\n" + _latency_of(checked),
        _LICENCE,
    ]
    Path(folder, "MODEL_CARD.md").write_text("\n\n".join(sections) + "\n")


def _what_it_is(served, model, tokenizer, variant):
    sizes = {
        "kind": f"{type(model).__name__}, {model.kind.replace('_', '-')}",
        "parameters": f"{model.count_params():,}",
        "weights in the file": variant,
        "precision of the computation": model.compute_dtype,
        "tokenizer": f"{tokenizer.kind}, {tokenizer.vocabulary_size:,} ids",
        **_memory(served, model),
        **dataclasses.asdict(model.config),
    }
    return _table(("", ""), sizes.items())


def _memory(served, model):
    """What a row that is being written keeps in memory; a search keeps that of each beam."""
    if "prefill" not in served.functions:
        return {}
    length = model.config.max_sequence_length
    read = length if model.kind == "encoder_decoder" else 0
    needed = cache_bytes(model, 1, length, read)
    return {"keys and values of one row": f"at most {needed:,} bytes"}


def _latency_of(checked):
    """Of the signature that answers by default."""
    machine = f"on a CPU, {os.cpu_count()} of its cores"
    told = f"Of `{checked[0].signature}` {machine}, in the process that has loaded the SavedModel."
    return told + "\n\n" + _table(*check_report.latencies(checked))


def _signatures(served):
    rows = []
    for name, function in served.functions.items():
        concrete = function.get_concrete_function()
        outputs = sorted(concrete.structured_outputs.items())
        taken = ", ".join(served.examples[name])
        given = ", ".join(f"{key} {x.dtype.name} {_shape(x.shape)}" for key, x in outputs)
        rows.append((f"`{name}`", taken, given))
    return "## Signatures\n\n" + _table(("name", "takes", "gives"), rows)


def _shape(shape):
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def _of_run(model_dir):
    """What a run tells: the flags of its data, and the last row of its validation."""
    try:
        begun = ModelDir(model_dir).begun_flags() if model_dir else None
    except UsageError:
        begun = None
    if begun is None:
        return []
    data = [(f"--{name}", _without_folders(begun[name])) for name in _DATA if begun.get(name)]
    scores = [row for row in _rows(model_dir) if "validation_loss" in row]
    found = ["## Data\n\n" + _table(("flag", "value"), data)]
    if scores:
        found.append("## Validation\n\n" + _table(("measure", "value"), scores[-1].items()))
    return found


def _without_folders(value):
    """A flag's value, of paths the last part."""
    values = value if isinstance(value, list) else [value]
    return ", ".join(os.path.basename(str(x)) or str(x) for x in values)


def _rows(model_dir):
    return read_rows(model_dir) if Path(model_dir, "metrics.jsonl").exists() else []


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
