"""Where weights come from: the folder of a run, or one as transformers saves it."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.models import registry
from tfzoo.models.adapters import is_base, merge
from tfzoo.pretrained import read_model, read_shape
from tfzoo.training.checkpoints import Checkpoint, Checkpoints
from tfzoo.training.fitting import fitting_weights
from tfzoo.training.model_dir import ModelDir

FACT = "weights to begin with"  # By this name a run remembers which they were.


class Weights(NamedTuple):
    """Weights of a model.

    Attributes:
        arrays: dict of paths to numpy arrays.
        facts: dict that JSON can hold, another one for other weights.
    """

    arrays: dict[str, np.ndarray]
    facts: dict


class RunOrigin:
    """The folder of a run of `python -m tfzoo.train`.

    Args:
        folder: path.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.tokenizer_folder = self.folder / "tokenizer"
        self._checkpoints = Checkpoints(self.folder / "checkpoints")

    def problems(self) -> list[str]:
        """Why no run can begin with it."""
        folder = self.folder
        if not (folder / "model.json").is_file() or not self.tokenizer_folder.is_dir():
            return [
                f"--init_from={folder} holds no run of tfzoo (it has no model.json and tokenizer/),"
                " nor a model as transformers saves it (it has no config.json). Give the "
                "--model_dir of another run, or a folder that has one of the two."
            ]
        if not self._checkpoints.steps():
            return [f"--init_from={folder} {self._checkpoints.why_none()}"]
        return []

    def shape(self):
        """The family and the configuration record of its model."""
        return registry.load_shape(self.folder / "model.json")

    def weights(self) -> Weights:
        """Those of the newest checkpoint that is whole: the moving average where it kept one.

        Raises:
            UsageError: if there is none, or it needs another folder that has changed.
        """
        checkpoint = self._checkpoints.restore_weights()
        if checkpoint is None:
            raise UsageError(f"--init_from={self.folder} {self._checkpoints.why_none()}")
        facts = {"step": checkpoint.step, "sha256": checkpoint.sha256}
        if not _has_adapters(self.folder):
            return Weights(checkpoint.weights, facts)
        model = load_model(self.folder, checkpoint)
        merge(model)
        return Weights(_arrays(model), facts)


class PublishedOrigin:
    """A folder with `config.json` and safetensors, as transformers saves it.

    Args:
        folder: path.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.tokenizer_folder = self.folder

    def problems(self) -> list[str]:
        """Why no run can begin with it."""
        try:
            self.shape()
        except UsageError as error:
            return [str(error)]
        return []

    def shape(self):
        """The family and the configuration record of its model."""
        model_class, config = read_shape(self.folder, flag="--init_from")
        return next(name for name, cls in models.MODELS.items() if cls is model_class), config

    def weights(self) -> Weights:
        """All of them, in float32.

        Raises:
            UsageError: if a file is missing or damaged.
        """
        model, _ = read_model(self.folder, flag="--init_from")
        return Weights(_arrays(model), {"sha256": self._sha256()})

    def _sha256(self) -> str:
        """Of the configuration and the weights."""
        digest = hashlib.sha256()
        for path in sorted([self.folder / "config.json", *self.folder.glob("*.safetensors")]):
            with open(path, "rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def origin(folder) -> RunOrigin | PublishedOrigin:
    """What a folder is, taken for one of a run if it is neither."""
    folder = Path(folder)
    is_run = (folder / "model.json").exists() or not (folder / "config.json").exists()
    return RunOrigin(folder) if is_run else PublishedOrigin(folder)


def load_model(folder, checkpoint: Checkpoint, dtype=None):
    """The model of a run's folder with the weights of a checkpoint, and adapters if it has them.

    What adapters adapt is not in the checkpoint: it is in the folder that the run began with.

    Args:
        folder: path.
        checkpoint: Checkpoint of that folder.
        dtype: str or Keras dtype policy, of the computation.

    Raises:
        UsageError: if the checkpoint does not fit `model.json`, or the folder that the run began
            with is gone or has changed.
    """
    model = models.load_config(Path(folder) / "model.json", dtype=dtype)
    weights = checkpoint.weights
    if model.adapters is not None:
        weights = {**_base(model, folder), **weights}
    for weight in model.weights:
        array = weights.get(weight.path)
        if array is None or array.shape != tuple(weight.shape):
            found = "nothing" if array is None else f"an array of shape {array.shape}"
            raise UsageError(
                f"The checkpoint of step {checkpoint.step} in --model_dir={folder} does not fit "
                f"its model.json: {weight.path} has shape {tuple(weight.shape)}, "
                f"the checkpoint has {found}."
            )
        weight.assign(array)
    return model


def _base(model, folder) -> dict[str, np.ndarray]:
    """What the adapters of a run adapt, by path."""
    run = ModelDir(folder)
    base = origin((run.begun_flags() or {}).get("init_from") or "")
    if found := base.problems():
        raise UsageError(
            f"--model_dir={folder} holds adapters, and what they adapt is in the folder that the "
            f"run began with. {found[0]} Bring it back to where it was."
        )
    weights = base.weights()
    run.hold(FACT, weights.facts, "--init_from")
    fitting = fitting_weights(model, weights.arrays, base.folder)
    kept = {weight.path for weight in model.weights if is_base(weight)}
    return {path: array for path, array in fitting.items() if path in kept}


def _has_adapters(folder) -> bool:
    return "adapters" in json.loads((Path(folder) / "model.json").read_bytes())


def _arrays(model) -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in model.weights}
