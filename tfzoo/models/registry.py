"""The families by name, and the file that says which model a folder holds."""

import concurrent.futures
import contextlib
import json
import math
import os

import keras

from tfzoo.errors import UsageError
from tfzoo.models.albert import ALBERT
from tfzoo.models.bert import BERT
from tfzoo.models.distilbert import DistilBERT
from tfzoo.models.gpt import GPT
from tfzoo.models.gpt2 import GPT2
from tfzoo.models.gpt3 import GPT3
from tfzoo.models.gpt_neox import GPTNeoX
from tfzoo.models.llama import Llama
from tfzoo.models.roberta import RoBERTa
from tfzoo.models.t5 import T5
from tfzoo.models.transformer import Transformer

MODELS = {
    "gpt": GPT,
    "gpt2": GPT2,
    "gpt3": GPT3,
    "gpt_neox": GPTNeoX,
    "llama": Llama,
    "bert": BERT,
    "distilbert": DistilBERT,
    "roberta": RoBERTa,
    "albert": ALBERT,
    "transformer": Transformer,
    "t5": T5,
}

_ADDED = ("heads", "adapters")  # What a model may have beside what its configuration tells.

PRESETS = {
    preset: (family, config)
    for family, model_class in MODELS.items()
    for preset, config in model_class.presets.items()
}


def from_preset(name, dtype=None, **overrides):
    """A new model of any family's preset; see the family's own `from_preset`.

    Raises:
        ValueError: if no family has such a preset.
    """
    if name not in PRESETS:
        raise ValueError(f"`name` must be one of {list(PRESETS)}. Received: name={name}")
    family, _ = PRESETS[name]
    return MODELS[family].from_preset(name, dtype=dtype, **overrides)


def count_parameters(name, **overrides):
    """The weights of `from_preset(name, **overrides)`, counted without allocating them.

    Raises:
        ValueError: if no family has such a preset.
    """
    return count_weights(lambda: from_preset(name, **overrides))


def count_weights(make, name_ends=""):
    """The weights of the model that `make()` makes, counted without allocating them.

    Only of the variables whose name ends with `name_ends`: "kernel" counts what is in products.
    """
    return sum(math.prod(w.shape) for w in imagined(make).weights if w.name.endswith(name_ends))


def imagined(make):
    """What `make()` makes, a model without values, whose weights have paths and shapes.

    In a thread of its own: Keras keeps a list, one a thread, of variables without values, and would
    allocate them all at the end of the next `StatelessScope`.
    """

    def without_values():
        with keras.StatelessScope(initialize_variables=False):
            return make()

    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(without_values).result()


def save_config(model, path):
    """Writes what is needed to build `model` and its heads again (not their weights) as JSON."""
    family = next(name for name, cls in MODELS.items() if type(model) is cls)
    config = model.get_config()
    record = {"family": family, "config": config["config"]}
    record |= {part: config[part] for part in _ADDED if config.get(part)}
    aside = f"{path}.{os.getpid()}.tmp"
    with open(aside, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def load_config(path, dtype=None):
    """A new model from what `save_config` wrote, with random weights.

    Raises:
        UsageError: if the file is missing or names no model.
    """
    with _describing(path):
        record = _record(path)
        added = {part: record[part] for part in _ADDED if part in record}
        parts = {"config": record["config"], "dtype": dtype, **added}
        return MODELS[record["family"]].from_config(parts)


def load_shape(path):
    """The family of the model that `save_config` wrote, and its configuration record.

    Raises:
        UsageError: if the file is missing or names no model.
    """
    with _describing(path):
        record = _record(path)
        return record["family"], MODELS[record["family"]].config_class(**record["config"])


def _record(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


@contextlib.contextmanager
def _describing(path):
    """What goes wrong within is the file's fault."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not describe a model ({type(error).__name__}: {error}). "
            "Give --model_dir a folder that `python -m tfzoo.train` has written."
        ) from error
