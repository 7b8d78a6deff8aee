"""What a run needs before its first step: the tokenizer, the task, the stores, the new model."""

from typing import NamedTuple

import keras

from tfzoo import data, models, tokenizers
from tfzoo.data.build import validation_at_hand
from tfzoo.errors import UsageError
from tfzoo.tasks import TASKS, Task
from tfzoo.tokenizers import Tokenizer
from tfzoo.training import fine_tuning, pretrained
from tfzoo.training.model_flags import model_class, model_config
from tfzoo.training.progress import bytes_bar

_ROLES = {
    "decoder": (),
    "encoder": ("padding", "start", "separator", "mask"),
    "encoder_decoder": ("padding",),
}


class Prepared(NamedTuple):
    """What is learned from.

    Attributes:
        tokenizer: Tokenizer.
        task: Task.
        split: has the stores `train` and `validation`.
    """

    tokenizer: Tokenizer
    task: Task
    split: data.TokenSplit | data.examples.ExampleSplit


def prepare(config, run, distribution) -> Prepared:
    """Makes or finds the tokenizer and the stores. The chief makes them, the others wait.

    Args:
        config: TrainConfig.
        run: ModelDir, which the chief has open.
        distribution: Distribution.

    Raises:
        UsageError: if the data or the tokenizer is not what it was when the run began.
    """
    made = _made(config, run) if distribution.is_chief else None
    distribution.sum_over_workers([0.0])
    return made or found(config, run, progress=False)


def found(config, run, progress=True) -> Prepared:
    """What a run has learned from, for other workers and programs; stores are made if deleted."""
    if not run.tokenizer.exists():
        raise UsageError(
            f"--model_dir={run.path} must be a folder that all workers share; the tokenizer that "
            "the chief has made is not there."
        )
    tokenizer = tokenizers.load(run.tokenizer)
    task = task_of(config, run, tokenizer)
    sources = _sources(config, run.hold)
    return Prepared(tokenizer, task, _split(config, *sources, task, progress))


def task_of(config, run, tokenizer) -> Task:
    """The task of a run that has begun, with the labels that it began with."""
    return TASKS[config.task].from_config(config, tokenizer, run.facts().get("labels", ()))


def new_model(config, run, distribution, task):
    """A model with the weights of --seed, on all devices; the chief writes `model.json`."""
    keras.utils.set_random_seed(config.seed)
    with distribution.scope():
        rows = pretrained.vocabulary_size(config, task.tokenizer.vocabulary_size)
        sizes = model_config(config, vocabulary_size=rows)
        model = model_class(config)(sizes, dtype=config.precision)
        for name, head in task.heads().items():
            model.add_head(name, head)
        fine_tuning.choose_trained(config, model)
    model.remat = config.remat
    if distribution.is_chief and not run.model.exists():
        models.save_config(model, run.model)
    return model


def roles(config) -> tuple[str, ...]:
    """Of the special tokens, those that the model reads beside end-of-text."""
    return _ROLES[model_class(config).kind]


def open_data(config, dataset=None, files=(), flag="--text_files"):
    """The source of what the task learns from: text, or examples of its kind."""
    kind = TASKS[config.task].data_kind
    if kind == "text":
        return data.open_source(dataset, files, config.text_field, config.data_dir, files_flag=flag)
    return data.open_examples(
        kind,
        dataset=dataset,
        files=files,
        fields=_fields(config, kind),
        data_dir=config.data_dir,
        on_bad_rows=config.on_bad_rows,
        files_flag=flag,
    )


def whole_store(config, files, task):
    """The store of files of which nothing is held out.

    Raises:
        UsageError: if they have labels that the task has not.
    """
    source = open_data(config, files=files)
    if task.data_kind == "text":
        return data.build_whole_store(source, task.tokenizer, data_dir=config.data_dir)
    data.examples.refuse_unknown_labels(source, task.labels)
    return data.examples.build_whole_example_store(
        source, task.columns(), recipe=task.recipe, data_dir=config.data_dir
    )


def validation_texts(config, run, tokenizer, most_texts=32, most_tokens=64) -> list[bytes]:
    """Pieces of the text that a run was validated on, if its tokens are at hand.

    Args:
        config: TrainConfig.
        run: ModelDir.
        tokenizer: the run's.

    Returns:
        list, none where the task learns from other than text, or the store is gone.
    """
    if TASKS[config.task].data_kind != "text":
        return []
    apart = bool(config.validation_files)
    store = validation_at_hand(
        run.facts().get("validation text" if apart else "text"),
        tokenizer,
        data_dir=config.data_dir,
        validation_fraction=0 if apart else config.validation_fraction,
    )
    if store is None:
        return []
    step = max(most_tokens, store.num_tokens // most_texts)
    starts = range(0, store.num_tokens, step)[:most_texts]
    pieces = [store.read(start, start + most_tokens) for start in starts]
    rows = [piece[piece != store.end_of_text].tolist() for piece in pieces]
    return [text.encode() for text in tokenizer.decode_batch(rows) if text.strip()]


def _made(config, run) -> Prepared:
    source, validation_source = _sources(config, run.fix)
    labels = _labels(source, TASKS[config.task].data_kind)
    if not run.tokenizer.exists():
        _new_tokenizer(config, source, validation_source).save(run.tokenizer)
    tokenizer = tokenizers.load(run.tokenizer)
    run.fix("tokenizer", tokenizer.fingerprint, "--tokenizer")
    run.fix("labels", labels, source.flag)
    task = task_of(config, run, tokenizer)
    task.check_labels()
    split = _split(config, source, validation_source, task, progress=True)
    if task.data_kind == "text":
        run.fix("number of training tokens", split.train.num_tokens, source.flag)
    else:
        run.fix("number of training examples", split.train.num_examples, source.flag)
    return Prepared(tokenizer, task, split)


def _labels(source, kind) -> list[str]:
    """Names of the labels to tell apart, none where there are none to tell."""
    if kind not in ("labelled", "tagged"):
        return []
    if not source.labels:
        raise UsageError(f"{source.flag}: there are no examples in {source.name}.")
    if len(source.labels) == 1:
        raise UsageError(
            f"{source.flag}: all examples of {source.name} have the label {source.labels[0]!r}, so "
            "there is nothing to learn. Give examples of at least two, or another field of labels."
        )
    return list(source.labels)


def _sources(config, fix):
    """The text or examples, and those to validate on or None: what they were when the run began."""
    source, validation_source = open_data(config, config.dataset, config.text_files), None
    fix("text", source.fingerprint, source.flag)
    if config.validation_files:
        validation_source = open_data(config, None, config.validation_files, "--validation_files")
        fix("validation text", validation_source.fingerprint, validation_source.flag)
    return source, validation_source


def _fields(config, kind) -> dict:
    """Role of the kind's fields to their names, as the flags give them."""
    roles = [role.removesuffix("?") for role in data.examples.KINDS[kind]]
    return {role: getattr(config, f"{role}_field") for role in roles}


def _new_tokenizer(config, source, validation_source):
    if config.init_from:
        return pretrained.tokenizer(config)
    if config.tokenizer not in tokenizers.TOKENIZERS:
        return tokenizers.load(config.tokenizer)
    fraction = 0.0 if validation_source else config.validation_fraction
    if TASKS[config.task].data_kind == "text":
        documents = data.training_documents(source, fraction)
    else:
        documents = source.training_texts(
            fraction, with_labels=TASKS[config.task].says_labels, prefix=config.prefix or ""
        )
    with bytes_bar(f"Making the {config.tokenizer} vocabulary", source.total_bytes) as advance_to:
        return tokenizers.train(
            config.tokenizer, documents, config.vocabulary_size, advance_to, roles=roles(config)
        )


def _split(config, source, validation_source, task, progress):
    held_out = {
        "validation_fraction": config.validation_fraction,
        "validation_source": validation_source,
        "data_dir": config.data_dir,
        "progress": progress,
    }
    if task.data_kind == "text":
        return data.build_token_store(source, task.tokenizer, **held_out)
    return data.build_example_store(source, task.columns(), recipe=task.recipe, **held_out)
