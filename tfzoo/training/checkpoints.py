"""Checkpoints that outlive a kill at any moment, a full disk and a bad block.

A checkpoint is a folder `step_00000100` with two files: `variables.safetensors` (every array by its
name) and `checkpoint.json` (step, metric, state, and the SHA-256 of each). It is written aside in a
hidden folder, flushed to the disk and only then renamed, so that what has its name is whole.
"""

import dataclasses
import errno
import hashlib
import json
import math
import os
import re
import shutil
from pathlib import Path

import numpy as np
import safetensors.numpy
from absl import logging

from tfzoo.errors import UsageError

_NAME = re.compile(r"step_(\d{8,})")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CorruptedCheckpoint(Exception):
    """A checkpoint whose files are missing, cut short or altered."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was saved.

    Attributes:
        step: int. Steps trained so far.
        arrays: dict of names to numpy arrays.
        state: dict, as JSON holds it.
        metric: float or None. The lower the better; None when it was not measured at this step.
        sha256: str or None, hexadecimal. Of all that was saved.
    """

    step: int
    arrays: dict[str, np.ndarray]
    state: dict
    metric: float | None = None
    sha256: str | None = None

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The model's weights by their paths: the moving average of each that has one."""
        parts = [
            {name.removeprefix(part): x for name, x in self.arrays.items() if name.startswith(part)}
            for part in ("model/", "ema/")
        ]
        return parts[0] | parts[1]


class Checkpoints:
    """The checkpoints in one folder: the newest few, and the best.

    Args:
        folder: path. Made when the first checkpoint is saved.
        keep: int > 0. How many of the newest to keep; the one of the lowest metric is kept too.
    """

    def __init__(self, folder, keep: int = 3):
        if keep < 1:
            raise ValueError(f"`keep` must be positive. Received: keep={keep}")
        self.folder = Path(folder)
        self.keep = keep

    def steps(self) -> list[int]:
        """The steps at which there is a checkpoint, rising. Nothing is read, none is checked."""
        return sorted(_steps_in(self.folder))

    def save(self, step: int, arrays: dict, state: dict, metric: float | None = None) -> None:
        """Writes a checkpoint, and only when it is whole deletes those that it makes superfluous.

        Args:
            step: int >= 0.
            arrays: dict of names to numpy arrays.
            state: dict that JSON can hold.
            metric: float or None. Decides which checkpoint is the best: the lowest.

        Raises:
            UsageError: when the disk is full. The checkpoints that were there are untouched.
        """
        aside = self.folder / f".writing_{_name(step)}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            _write(aside, step, arrays, state, metric)
            _publish(aside, self.folder / _name(step))
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            if error.errno not in _FULL:
                raise
            raise UsageError(
                f"No space left to save step {step} in {self.folder}: {error}. The checkpoints "
                "saved before are untouched. Make room, or choose another --model_dir, or lower "
                "--keep_checkpoints; then start the same command again."
            ) from error
        self._prune(step)

    def restore(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None. Warns of each newer one that is not."""
        return self._first_good(reversed(self.steps()))

    def restore_weights(self, best: bool = False) -> Checkpoint | None:
        """For readers: as `restore`, or with `best` the whole one of the lowest metric.

        Without any metric on record the best is the newest.
        """
        if not best:
            return self.restore()
        ranked = sorted(self.steps(), key=lambda step: (self._metric(step), -step))
        return self._first_good(ranked)

    def why_none(self) -> str:
        """Why nothing was restored, and the remedy: what follows the name of the run."""
        if not self.steps():
            return (
                "has no checkpoint yet. Train there until the first one is saved "
                "(--checkpoint_every_steps)."
            )
        steps = ", ".join(map(str, self.steps()))
        return (
            f"has no whole checkpoint: those in {self.folder} are damaged, of step {steps}. Copy "
            "them there again from where they are whole, or train again in a new --model_dir."
        )

    def clean(self) -> None:
        """Deletes what a killed run left half-written. For the one process that writes here."""
        for leftover in self.folder.glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _first_good(self, steps) -> Checkpoint | None:
        for step in steps:
            try:
                return _read(self.folder / _name(step))
            except CorruptedCheckpoint as error:
                logging.warning("Skipping the checkpoint of step %d: %s", step, error)
        return None

    def _metric(self, step: int) -> float:
        try:
            metric = _read_record(self.folder / _name(step))["metric"]
        except CorruptedCheckpoint:
            return math.inf
        return math.inf if metric is None or math.isnan(metric) else metric

    def _prune(self, newest: int) -> None:
        # A step beyond the newest is of a run that was given up, for example a corrupted one.
        steps = self.steps()
        ours = [step for step in steps if step <= newest]
        measured = [step for step in ours if self._metric(step) < math.inf]
        kept = {*ours[-self.keep :], *sorted(measured, key=self._metric)[:1]}
        for step in set(steps) - kept:
            doomed = self.folder / f".deleting_{_name(step)}"
            os.rename(self.folder / _name(step), doomed)
            shutil.rmtree(doomed, ignore_errors=True)


def _name(step: int) -> str:
    return f"step_{step:08d}"


def _steps_in(folder: Path):
    if folder.is_dir():
        for entry in os.scandir(folder):
            if (match := _NAME.fullmatch(entry.name)) and entry.is_dir():
                yield int(match[1])


def _write(folder: Path, step, arrays, state, metric) -> None:
    variables = folder / "variables.safetensors"
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    try:
        safetensors.numpy.save_file(contiguous, variables)
    except safetensors.SafetensorError as error:
        raise _as_os_error(error) from error
    _sync(variables)
    record = {
        "step": step,
        "metric": None if metric is None else float(metric),
        "state": state,
        "files": {variables.name: _sha256(variables)},
    }
    record["sha256"] = _sha256_of_record(record)
    path = folder / "checkpoint.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    _sync(path)
    _sync(folder)


def _publish(aside: Path, folder: Path) -> None:
    """Gives the written folder its name, in place of a corrupted one if there is any."""
    replaced = folder.with_name(f".deleting_{folder.name}")
    if folder.exists():
        os.rename(folder, replaced)
    os.rename(aside, folder)
    _sync(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _read(folder: Path) -> Checkpoint:
    record = _read_record(folder)
    for name, expected in record["files"].items():
        try:
            found = _sha256(folder / name)
        except OSError as error:
            raise CorruptedCheckpoint(str(error)) from error
        if found != expected:
            raise CorruptedCheckpoint(f"{folder / name} is cut short or altered")
    return Checkpoint(
        step=record["step"],
        arrays=safetensors.numpy.load_file(folder / "variables.safetensors"),
        state=record["state"],
        metric=record["metric"],
        sha256=record["sha256"],
    )


def _read_record(folder: Path) -> dict:
    path = folder / "checkpoint.json"
    try:
        record = json.loads(path.read_bytes())
        whole = record["sha256"] == _sha256_of_record(record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptedCheckpoint(f"{path} cannot be read: {error}") from error
    if not whole:
        raise CorruptedCheckpoint(f"{path} is altered")
    return record


def _sha256_of_record(record: dict) -> str:
    rest = {name: value for name, value in record.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_os_error(error) -> OSError:
    # safetensors reports the system's error only in its text: "... (os error 28)".
    match = re.search(r"os error (\d+)", str(error))
    return OSError(int(match[1]) if match else errno.EIO, str(error))
