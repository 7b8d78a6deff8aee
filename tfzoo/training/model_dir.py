"""The folder of a run: whose it is, what may change when training goes on, and whether it is done.

`run.json` is the run's identity: the flags that make it what it is, and the fingerprints of its
text and tokenizer. It is the first file written, so a folder with files but without it is not ours.
"""

import dataclasses
import fcntl
import json
import os
import shutil
from pathlib import Path

from tfzoo import kernels, models
from tfzoo.errors import UsageError
from tfzoo.training import distribution
from tfzoo.training.checkpoints import Checkpoints

# What these say is in the weights already, or in the order of the text. The others may change from
# one start to the next: how long, how fast, on what machine, and what is written when.
FIXED = (
    "init_from",
    "preset",
    "model_overrides",
    "dropout",
    "sequence_length",
    "task",
    "dataset",
    "text_files",
    "text_field",
    "text_pair_field",
    "label_field",
    "source_field",
    "target_field",
    "words_field",
    "tags_field",
    "turns_field",
    "on_bad_rows",
    "mask_documents",
    "mask_probability",
    "whole_word_masking",
    "noise_density",
    "mean_span_length",
    "prefix",
    "head_dropout",
    "freeze",
    "lora_rank",
    "lora_alpha",
    "lora_targets",
    "lora_dropout",
    "validation_files",
    "validation_fraction",
    "tokenizer",
    "vocabulary_size",
    "global_batch_size",
    "label_smoothing",
    "ema_decay",
    "seed",
    "precision",
)
# What a killed process may leave half-written.
_LEFTOVERS = (".run.json", ".train.flags", ".metrics.jsonl", ".tokenizer.*", "model.json.*.tmp")
# All that a run writes; its identity last, so that a kill meanwhile leaves a run.
_WRITTEN = ("tokenizer", "model.json", "train.flags", "metrics.jsonl", "tensorboard")
_WRITTEN += ("checkpoints", "run.json")
_PATHS = ("model_dir", "data_dir", "export_dir", "init_from")
_FILE_LISTS = ("text_files", "validation_files")


def resolved(config, tokenizer_kinds=()):
    """The configuration with full paths, and neither an export folder nor a precision left open, so
    that it means the same from any working directory and on any machine.

    Args:
        config: TrainConfig.
        tokenizer_kinds: what --tokenizer may be beside a folder.
    """
    changes = {name: _full(getattr(config, name)) for name in _PATHS if getattr(config, name)}
    changes |= {name: tuple(map(_full, getattr(config, name))) for name in _FILE_LISTS}
    if config.tokenizer and config.tokenizer not in tokenizer_kinds:
        changes["tokenizer"] = _full(config.tokenizer)
    if config.export_dir is None and config.model_dir:
        name = os.path.basename(changes["model_dir"])
        changes["export_dir"] = _full(os.path.join("saved_models", name))
    changes["dataset"] = config.dataset or None
    changes["model_overrides"] = tuple(sorted(config.model_overrides))
    if config.precision == "auto":
        begun = config.model_dir and ModelDir(changes["model_dir"]).begun_flags()
        changes["precision"] = (begun or {}).get("precision") or _fastest_precision(config)
    return dataclasses.replace(config, **changes)


def _fastest_precision(config) -> str:
    """Several workers must agree, and one does not know the others' processors: float32."""
    alone = distribution.check(config).num_workers == 1
    return "mixed_bfloat16" if alone and kernels.multiplies_bfloat16() else "float32"


class ModelDir:
    """A run's folder and the places in it.

    Args:
        path: the folder, which need not exist.
        keep_checkpoints: int, how many of the newest checkpoints to keep.
    """

    def __init__(self, path, keep_checkpoints: int = 3):
        self.path = Path(path)
        self.flags = self.path / "train.flags"
        self.model = self.path / "model.json"
        self.tokenizer = self.path / "tokenizer"
        self.checkpoints = Checkpoints(self.path / "checkpoints", keep_checkpoints)
        self._identity = self.path / "run.json"
        self._lock = None
        self._is_new = False

    def problems(self, config) -> list[str]:
        """Why `config` cannot go on with what is in the folder, one sentence a flag."""
        begun = self.begun_flags()
        if begun is None:
            if self.path.is_dir() and any(self.path.glob("[!.]*")):
                return [
                    f"--model_dir={self.path} has files in it, but no run of tfzoo. "
                    "Choose a new folder."
                ]
            return []
        done = max(self.checkpoints.steps(), default=0)
        too_few = done > config.train_steps and not self.finished(config.train_steps)
        return [
            f"--train_steps={config.train_steps} is less than the {done} steps that "
            f"--model_dir={self.path} has been trained already. Give at least as many."
        ] * too_few + [
            f"--{name} was {_shown(begun[name])} when --model_dir={self.path} was begun, and is "
            f"{_shown(value)} now. Set it back, or choose a new --model_dir."
            for name, value in _fixed(config).items()
            if name in begun and begun[name] != value
        ]

    def open(self, config) -> None:
        """Begins the run or takes it up again. Only one process may have it open.

        Raises:
            UsageError: if another process trains here, or `config` does not fit.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--model_dir={self.path} cannot be made ({error}).") from error
        self._take_lock()
        found = self.problems(config)
        if found:
            raise UsageError("\n".join(found))
        if not self._identity.exists():
            self._write({"flags": _fixed(config)})
            self._is_new = True
        self._clean()

    def abandon(self) -> None:
        """Leaves the folder as if a run that this process began, and that trained nothing, had not
        been: what was wrong with its flags or its text can then be mended in the same folder."""
        metrics = self.path / "metrics.jsonl"
        if not self._is_new or metrics.exists() and metrics.stat().st_size:
            return
        for name in _WRITTEN:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets another process have it. The end of this one, however it comes, does so too."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def fix(self, fact: str, value, flag: str) -> None:
        """Remembers a fact about the run, or holds it to what it was when the run began.

        Raises:
            UsageError: naming `flag`, when it has changed.
        """
        self.hold(fact, value, flag)
        record = self._read()
        record.setdefault("facts", {})[fact] = value
        self._write(record)

    def hold(self, fact: str, value, flag: str) -> None:
        """Holds a fact to what it was when the run began, if that is remembered.

        Raises:
            UsageError: naming `flag`, when it has changed.
        """
        if self.facts().get(fact, value) != value:
            raise UsageError(
                f"{flag}: the {fact} changed since --model_dir={self.path} was begun. "
                "Bring it back as it was, or choose a new --model_dir."
            )

    def begun_flags(self) -> dict | None:
        """The flags that the run began with and has to keep, or None if there is no run."""
        return self._read()["flags"] if self._identity.exists() else None

    def facts(self) -> dict:
        """What `fix` has remembered."""
        return self._read().get("facts", {}) if self._identity.exists() else {}

    def finish(self, step: int, **results) -> None:
        """Notes that all is done up to `step`: trained, evaluated and exported."""
        self._write(self._read() | {"finished": {"step": step, **results}})

    def finished(self, train_steps: int) -> dict | None:
        """What `finish` noted, if that was for so many steps or more."""
        if not self._identity.exists():
            return None
        finished = self._read().get("finished")
        return finished if finished and finished["step"] >= train_steps else None

    def _take_lock(self) -> None:
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise UsageError(
                f"Another process is training in --model_dir={self.path}. Wait for it, stop it, "
                "or choose another folder."
            ) from error
        except OSError:
            pass  # This file system has no locks.

    def _clean(self) -> None:
        """Removes what a killed process left half-written."""
        self.checkpoints.clean()
        for leftover in (path for name in _LEFTOVERS for path in self.path.glob(name)):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _read(self) -> dict:
        try:
            record = json.loads(self._identity.read_bytes())
            if not isinstance(record, dict) or not isinstance(record.get("flags"), dict):
                raise ValueError("it holds no flags")
            return record
        except ValueError as error:
            raise UsageError(
                f"{self._identity} cannot be read ({error}), so it is not known what is in "
                "--model_dir. Restore that file, or choose a new folder."
            ) from error

    def _write(self, record: dict) -> None:
        text = json.dumps(record, indent=1) + "\n"
        if self._identity.exists() and self._identity.read_text() == text:
            return
        aside = self.path / ".run.json"
        with open(aside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, self._identity)


def _fixed(config) -> dict:
    values = {name: getattr(config, name) for name in FIXED}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def _full(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _shown(value) -> str:
    if value is None:
        return "unset"
    return ",".join(value) if isinstance(value, list) else str(value)


def write_trained(folder, config, model, tokenizer, labels=()) -> None:
    """Writes a model that was trained elsewhere as if a run had ended there, at step 0.

    Args:
        folder: path of a new folder.
        config: TrainConfig, whose task tells how the model is evaluated.
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: names of the labels of a classification, in order.
    """
    run = ModelDir(folder)
    models.save_config(model, run.model)
    tokenizer.save(run.tokenizer)
    run.checkpoints.save(0, {f"model/{v.path}": v.numpy() for v in model.weights}, {})
    facts = {"labels": list(labels)} if labels else {}
    run._write({"flags": _fixed(config), "facts": facts})
