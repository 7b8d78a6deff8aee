"""Which flags do not go together, all of them at once, before anything is built."""

import dataclasses
import math
import os

from tfzoo import data, tokenizers
from tfzoo.errors import UsageError, suggestion
from tfzoo.models import MODELS, PRESETS
from tfzoo.tasks import TASKS
from tfzoo.tokenizers import TOKENIZERS
from tfzoo.training import distribution, fine_tuning, pretrained, schedules
from tfzoo.training.model_flags import (
    FREE_FIELDS,
    changed,
    changed_preset,
    imagined_model,
    known_preset,
    model_class,
    model_config,
    model_overrides,
    origin,
    override,
)

_POSITIVE = ("global_batch_size", "num_microbatches", "train_steps", "log_every_steps")
_POSITIVE += ("keep_checkpoints", "num_virtual_devices")
_NOT_NEGATIVE = ("warmup_steps", "weight_decay", "clip_norm", "eval_every_steps")
_NOT_NEGATIVE += ("checkpoint_every_steps", "seed")
_BELOW_ONE = ("dropout", "head_dropout", "label_smoothing", "adam_beta2", "ema_decay")


def problems(config) -> list[str]:
    """All that is wrong with a TrainConfig, one sentence each; empty if it can be trained.

    Looks at the flags, TF_CONFIG, the devices and whether files exist; reads no text.
    """
    found = []
    of_the_model, of_the_text = (_known_model, _model, _task), (_text, _tokenizer)
    checks = (_where, *of_the_model, *of_the_text, _fine_tuning, _numbers, _profile, _machine)
    for check in checks:
        try:
            found += check(config)
        except UsageError as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def _where(config):
    if not config.model_dir:
        yield "--model_dir is not set. Give the run a folder, for example --model_dir=runs/first."
    for name in ("model_dir", "export_dir"):
        if folder := getattr(config, name):
            yield from _unwritable(name, folder)


def _unwritable(name, folder):
    """What keeps a folder from being made or written in, as far as its parents tell."""
    existing = path = os.path.abspath(folder)
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    if existing == path and not os.path.isdir(path):
        yield f"--{name}={folder} is a file. Give a folder."
    elif not os.path.isdir(existing):
        yield f"--{name}={folder} cannot be made, for {existing} is a file. Give another folder."
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield f"--{name}={folder} cannot be written: {existing} is read-only. Give another folder."


def _known_model(config):
    if config.preset is not None:
        known_preset(config.preset)
    return pretrained.problems(config) if config.init_from else []


def _has_model(config) -> bool:
    """Whether the model is known, so that its parts can be looked at."""
    try:
        origin(config)
    except UsageError:
        return False
    return config.preset is None or config.preset in PRESETS


def _model(config):
    found = [*_said_twice(config)]
    if config.sequence_length is not None and config.sequence_length < 1:
        found.append(f"--sequence_length must be positive. Received: {config.sequence_length}.")
    found += _bad_overrides(config) if _has_model(config) else []
    dropout_is_fine = config.dropout is None or 0 <= config.dropout < 1  # else _numbers tells
    if not found and _has_model(config) and dropout_is_fine:
        model_config(config)
        found += _disagreements(config) if config.init_from else []
    return found


def _disagreements(config):
    """Where the flags tell of another model than --init_from holds."""
    family, theirs = origin(config)
    overrides = model_overrides(config)
    if config.preset is None:
        ours = changed(theirs, overrides, f"--init_from={config.init_from}")
    elif known_preset(config.preset)[0] == family:
        ours = changed_preset(config.preset, overrides)
    else:
        ours = known_preset(config.preset)[1]
    fields = set(dataclasses.asdict(theirs).items()) ^ set(dataclasses.asdict(ours).items())
    if different := sorted({name for name, _ in fields} - {*FREE_FIELDS}):
        yield (
            f"--preset and --model_overrides tell of another {different[0]} than --init_from="
            f"{config.init_from} has. Leave them out: the architecture is the one of --init_from."
        )
    length = config.sequence_length
    if length is not None and length > theirs.max_sequence_length:
        if MODELS[family].learns_positions:
            yield (
                f"--sequence_length={length} is more than the {theirs.max_sequence_length} "
                f"positions that --init_from={config.init_from} has learned. Give at most as many."
            )


def _said_twice(config):
    names = [item.partition("=")[0] for item in config.model_overrides]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"--model_overrides gives {name} twice. Give it once."
    if config.dropout is not None and "dropout" in names:
        yield (
            f"--dropout={config.dropout} and the dropout in --model_overrides say the same thing. "
            "Give one of them."
        )


def _bad_overrides(config) -> list[str]:
    found = []
    for item in config.model_overrides:
        try:
            override(item, type(origin(config)[1]))
        except UsageError as error:
            found.append(str(error))
    return found


def _task(config):
    task = TASKS[config.task]
    if _has_model(config) and model_class(config).kind not in task.kinds:
        fitting = [name for name, cls in MODELS.items() if cls.kind in task.kinds]
        flag = f"init_from={config.init_from}" if config.init_from else f"preset={config.preset}"
        yield (
            f"--task={config.task} cannot teach --{flag}, whose family is of the "
            f"kind {model_class(config).kind}. Take a preset of {', '.join(fitting)}."
        )
    yield from _not_of_the_task(config)
    task.from_config(config, tokenizer=None)


def _not_of_the_task(config):
    """Flags that were given, and that only other tasks read."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    own = {name: _own_flags(task) for name, task in TASKS.items()}
    for flag in sorted(set().union(*own.values()) - own[config.task]):
        if getattr(config, flag) != defaults[flag]:
            takers = [name for name, flags in own.items() if flag in flags]
            yield (
                f"--{flag} is no option of --task={config.task}, but of {', '.join(takers)}. Leave "
                "it out."
            )


def _own_flags(task) -> set[str]:
    """The flags that this task reads, and some other does not."""
    roles = data.examples.KINDS.get(task.data_kind, ("text",))
    flags = {f"{role.removesuffix('?')}_field" for role in roles} | set(task.options())
    if task.data_kind != "text":
        flags.add("on_bad_rows")
    if task.data_kind != "scored":  # A number has no other classes to spread over.
        flags.add("label_smoothing")
    return flags


def _text(config):
    if bool(config.dataset) == bool(config.text_files):
        yield (
            "Give exactly one of --dataset and --text_files (--dataset= empties a flagfile's). "
            f"Received: --dataset={config.dataset or ''} "
            f"--text_files={','.join(config.text_files)}."
        )
    elif config.dataset and not config.dataset.startswith("tfds:"):
        kind = TASKS[config.task].data_kind
        named = data.DATASETS if kind == "text" else data.examples.EXAMPLE_DATASETS
        if config.dataset not in named:
            known = [*named, "tfds:NAME"]
            yield f"--dataset={config.dataset} is not known.{suggestion(config.dataset, known)}"
    yield from _missing_files(config)


def _tokenizer(config):
    size = math.inf if config.vocabulary_size is None else config.vocabulary_size
    if config.tokenizer == "characters" and size < 3:
        yield (
            "--vocabulary_size must be at least 3: a character, what stands for unknown ones, and "
            f"end-of-text. Received: {config.vocabulary_size}."
        )
    if config.tokenizer == "byte_pair" and size < 257:
        yield (
            "--vocabulary_size must be at least 257: 256 bytes and end-of-text. "
            f"Received: {config.vocabulary_size}."
        )
    if config.tokenizer not in (None, *TOKENIZERS):
        yield from _not_made_from_the_text(config.tokenizer)


def _not_made_from_the_text(path):
    """What is wrong with the tokenizer's folder or file, as far as names tell."""
    if not os.path.exists(path):
        yield (
            f"--tokenizer={path} is neither a kind of tokenizer nor a folder or file of one."
            f"{suggestion(os.path.basename(path), TOKENIZERS)}"
        )
    elif os.path.isfile(path):
        tokenizers.folders.kind_of(path)


def _missing_files(config):
    for flag in ("text_files", "validation_files"):
        files = getattr(config, flag)
        if files:
            try:
                _open_files(config, files, f"--{flag}")
            except UsageError as error:
                yield str(error)


def _open_files(config, files, flag):
    kind = TASKS[config.task].data_kind
    if kind == "text":
        return data.open_source(text_files=files, files_flag=flag)
    return data.open_examples(kind, files=files, files_flag=flag)


def _fine_tuning(config):
    found = fine_tuning.problems(config)
    if not found and (config.freeze or config.lora_rank) and _has_model(config):
        imagined_model(config)
    return found


def _numbers(config):
    for name in _POSITIVE:
        if getattr(config, name) < 1:
            yield f"--{name} must be at least 1. Received: {getattr(config, name)}."
    for name in _NOT_NEGATIVE:
        if not 0 <= getattr(config, name) < math.inf:
            yield f"--{name} must not be negative. Received: {getattr(config, name)}."
    for name in _BELOW_ONE:
        if getattr(config, name) is not None and not 0 <= getattr(config, name) < 1:
            yield f"--{name} must be in [0, 1). Received: {getattr(config, name)}."
    if not 0 < config.validation_fraction < 1:
        yield f"--validation_fraction must be in (0, 1). Received: {config.validation_fraction}."
    if not 0 < config.learning_rate < math.inf:
        yield f"--learning_rate must be positive. Received: {config.learning_rate}."
    yield from _lowest_rate(config)
    if config.seed >= 2**31:
        yield f"--seed must be below 2**31. Received: {config.seed}."


def _lowest_rate(config):
    lowest = config.min_learning_rate
    if lowest and config.schedule not in schedules.FALLING_TO_AN_END:
        yield (
            f"--min_learning_rate={lowest} means nothing to --schedule={config.schedule}, which "
            f"falls to no end. Leave it out, or take {' or '.join(schedules.FALLING_TO_AN_END)}."
        )
    elif lowest and not 0 <= lowest <= config.learning_rate:
        yield (
            f"--min_learning_rate must be between 0 and --learning_rate={config.learning_rate}. "
            f"Received: {lowest}."
        )


def _profile(config):
    steps = config.profile_steps
    if steps and not (len(steps) == 2 and 1 <= steps[0] <= steps[1]):
        yield (
            "--profile_steps must be two steps, the first and the last, for example 20,25. "
            f"Received: {','.join(map(str, steps))}."
        )
    elif steps and steps[1] > config.train_steps:
        yield (
            f"--profile_steps={steps[0]},{steps[1]} ends after the last step, "
            f"--train_steps={config.train_steps}."
        )


def _machine(config):
    if min(config.global_batch_size, config.num_microbatches, config.num_virtual_devices) >= 1:
        distribution.check(config)
    return []
