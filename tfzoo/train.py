"""`python -m tfzoo.train`: from text to a trained and exported model."""

import concurrent.futures
import dataclasses
import errno
import math
import os
import shlex
import sys

import tensorflow as tf

from tfzoo import flags, generation, kernels, serving, zoo
from tfzoo.errors import UsageError
from tfzoo.evaluation.byte_ngram import bits_per_byte
from tfzoo.tokenizers import TOKENIZERS
from tfzoo.training import checks, preparation, pretrained
from tfzoo.training.config import TrainConfig
from tfzoo.training.distribution import check as planned_place
from tfzoo.training.distribution import create as new_distribution
from tfzoo.training.dry_run import plan
from tfzoo.training.loop import Stopped, Trainer, TrainingFailed
from tfzoo.training.metrics import Metrics, read_rows
from tfzoo.training.model_dir import ModelDir, resolved
from tfzoo.training.model_flags import model_config
from tfzoo.training.progress import Progress
from tfzoo.training.step import num_streams

_SAMPLE_TOKENS = 80


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainFlags(TrainConfig):
    """The flags of a run, and whether to run at all."""

    dry_run: bool = dataclasses.field(
        default=False,
        metadata={
            "help": "Only show what the run would need, and every flag that does not fit; trains "
            "and writes nothing."
        },
    )


def train(given: TrainFlags) -> int:
    """Trains a Transformer on your text, evaluates it and exports it for TensorFlow Serving.

    python -m tfzoo.train --model_dir=runs/first --text_files='my/*.txt'
    python -m tfzoo.train --flagfile=experiments/quickstart/train.flags

    The same command started again goes on from the last checkpoint, and so does
    --flagfile=MODEL_DIR/train.flags. Flags of the model, the text and the tokenizer then stay as
    they were; --train_steps, those of the learning rate and those of the machine may change.
    """
    named = {f.name: getattr(given, f.name) for f in dataclasses.fields(TrainConfig)}
    config = resolved(TrainConfig(**named), TOKENIZERS)
    run = ModelDir(config.model_dir, config.keep_checkpoints)
    finished = config.model_dir and run.finished(config.train_steps)
    if finished and not given.dry_run and not run.problems(config):
        print(f"This run is finished: {finished['step']} steps. Nothing was changed.")
        _tell_what_is_next(config)
        return 0
    problems = checks.problems(config) + (run.problems(config) if config.model_dir else [])
    if problems:
        raise UsageError("\n".join(problems))
    if given.dry_run:
        print(plan(config))
        return 0
    return _train(config, run)


def _train(config, run) -> int:
    """Trains, with what may go wrong on the way told in a sentence."""
    if num_streams(config, planned_place(config), model_config(config)) > 1:
        kernels.streams.spare_a_thread()
    distribution = new_distribution(config)
    try:
        _fit_and_export(config, run, distribution)
    except tf.errors.OpError:
        if distribution.num_workers == 1:
            raise
        print("error: another worker has ended; its own output tells why.", file=sys.stderr)
        return 1
    except UsageError:
        run.abandon()
        raise
    except TrainingFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(
            f"Stopped by {stopped.signal.name}. Start the same command again to go on from here.",
            file=sys.stderr,
        )
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(
            f"No space left for --model_dir={config.model_dir} ({error}). The checkpoints saved "
            "before are untouched: make room, then start the same command again."
        ) from error
    finally:
        run.close()
    return 0


def _fit_and_export(config, run, distribution) -> None:
    if distribution.is_chief:
        run.open(config)
    prepared = preparation.prepare(config, run, distribution)
    if config.export_dir:
        prepared.tokenizer.check_graph()
    model = preparation.new_model(config, run, distribution, prepared.task)
    trainer = Trainer(
        config,
        distribution=distribution,
        model=model,
        task=prepared.task,
        split=prepared.split,
        checkpoints=run.checkpoints,
    )
    trainer.restore()
    if distribution.is_chief:
        _keep_flags(config, run)
    if config.init_from and (trainer.step == 0 or config.lora_rank):
        pretrained.begin(config, run, trainer)
    if not distribution.is_chief:
        return trainer.fit()
    written = _fit(config, run, trainer, model, prepared.task)
    results = _results(config, run, prepared, written)
    run.finish(trainer.step, **results)
    _tell_what_is_next(config)


def _fit(config, run, trainer, model, task) -> str | None:
    """Trains, with numbers on record, and samples of what a model writes that learns to.

    Gives the sample of the last step, if one was written.
    """
    write = _writer(model, task.tokenizer, config.seed) if _writes(config) else None
    first, written = trainer.step, {}

    def sample(step):
        metrics.text(step, "sample", text := write())
        written[step] = text

    shown = Progress(config.train_steps, first, has_perplexity=task.has_perplexity)
    with Metrics(run.path, first) as metrics, shown as progress:
        progress.message(_beginning(config, run, model, first))
        if first == 0:
            metrics.hyperparameters(dataclasses.asdict(config))
        if write is None:
            return trainer.fit(metrics, progress)
        if first == 0:
            sample(0)
            progress.message(_quoted("It writes, before training", written[0]))
        trainer.fit(metrics, progress, sample)
    return written.get(config.train_steps)


def _results(config, run, prepared, written) -> dict:
    """Tells how good the trained model is, and exports it: as any program will load it."""
    score = [row for row in read_rows(run.path) if "validation_loss" in row][-1]
    if not _writes(config):
        score.pop("step")
        shown = ", ".join(f"{name.replace('_', ' ')} {_told(x)}" for name, x in score.items())
        print(f"{shown[0].upper()}{shown[1:]}.")
        if config.export_dir:
            score["export"] = _export(config, zoo.load(run.path))
        return score
    tokenizer, _, split = prepared
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        counting = beside.submit(bits_per_byte, split.train, split.validation, tokenizer)
        if config.export_dir or written is None:
            trained = zoo.load(run.path)
        if written is None:  # All steps were done by an earlier start.
            written = _writer(trained.model, tokenizer, config.seed)()
        print(_quoted("It writes, after training", written))
        yardstick = counting.result()
    shown, results = f"Validation: perplexity {_told(score['perplexity'], 2)} a token", {}
    if "bits_per_byte" in score:  # Not of a tokenizer that does not keep each byte of the text.
        results = {"bits_per_byte": score["bits_per_byte"], "byte_5_gram": yardstick}
        shown += (
            f", {_told(score['bits_per_byte'])} bits per byte. "
            f"A byte 5-gram counted on the same text: {yardstick:.4f} bits per byte"
        )
    print(f"{shown}.")
    if config.export_dir:
        results["export"] = _export(config, trained)
    return results


def _export(config, trained) -> str:
    """Writes the next version of the served model, and tells where."""
    texts = preparation.validation_texts(config, ModelDir(config.model_dir), trained.tokenizer)
    given = {"model_dir": config.model_dir, "texts": texts, **trained.learnt}
    exported = serving.export_variants(trained.model, trained.tokenizer, config.export_dir, **given)
    serving.show(exported.checked)
    [version] = exported.versions
    print(f"Exported {version}")
    return str(version)


def _told(value: float | None, digits: int = 4) -> str:
    """A number of a row of metrics, which holds None where it is not finite."""
    return "not finite" if value is None else f"{value:.{digits}f}"


def _writes(config) -> bool:
    """Whether the model learns to go on with a text."""
    return config.task == "causal_lm"


def _writer(model, tokenizer, seed):
    """A function that gives a text the model writes from nothing, with its present weights."""
    how = {"max_new_tokens": _SAMPLE_TOKENS, "temperature": 0.8, "top_k": 50, "seed": seed}
    sampling = generation.as_sampling(generation.checked_options(how, 1), [False])
    sampling = tf.nest.map_structure(tf.constant, sampling)
    writer = generation.Writer(model, tokenizer.end_of_text)

    @tf.function(autograph=False)
    def new_tokens():
        return generation.generate_anew(writer, sampling).token_ids

    return lambda: tokenizer.decode_batch(new_tokens().to_list())[0]


def _keep_flags(config, run) -> None:
    """Writes `train.flags`, unless it says the same, and tells which flags have changed."""
    try:
        before = flags.read(TrainConfig, run.flags)
    except UsageError:  # There is none yet, or somebody has edited it.
        before = None
    if before == config:
        return
    for name, value in dataclasses.asdict(config).items() if before else ():
        if value != getattr(before, name):
            print(f"--{name} is {value} from now on, was {getattr(before, name)}.", file=sys.stderr)
    flags.write(config, run.flags)


def _beginning(config, run, model, step: int) -> str:
    resumed = f" from step {step} on" if step else ""
    tokens = config.global_batch_size * model.config.max_sequence_length
    origin = f" from the weights of {config.init_from}" if config.init_from and not step else ""
    return (
        f"Training {config.preset or model.name} ({_counted(model)}){origin} in {run.path}"
        f"{resumed}: {config.train_steps:,} steps of {tokens:,} tokens."
    )


def _counted(model) -> str:
    """How many parameters there are, and how many of them are trained if not all."""
    trained = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    total = model.count_params()
    some = f"{trained:,} of " if trained < total else ""
    return f"{some}{total:,} parameters"


def _quoted(title: str, text: str) -> str:
    lines = "\n".join(f"  | {line}" for line in text.strip().splitlines())
    return f"{title}:\n{lines or '  | (nothing)'}"


def _tell_what_is_next(config) -> None:
    folder = shlex.quote(os.path.relpath(config.model_dir))
    prompt = f"python -m tfzoo.generate --model_dir={folder} --prompt='My fellow citizens'"
    evaluate = f"python -m tfzoo.evaluate --model_dir={folder}"
    name = os.path.basename(config.export_dir or config.model_dir)
    serve = f"python -m tfzoo.export --model_dir={folder} --export_dir="
    serve += shlex.quote(os.path.join("saved_models", name))
    if config.export_dir:
        volume = shlex.quote(f"{config.export_dir}:/models/{name}")
        serve = f"docker run -p 8501:8501 -v {volume} -e MODEL_NAME={name} tensorflow/serving"
    show = f"tensorboard --logdir={folder}/tensorboard"
    print("Next:", show, prompt if _writes(config) else evaluate, serve, sep="\n  ")


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(train, TrainFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
