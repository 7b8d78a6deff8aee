"""`python -m tfzoo.evaluate`: how well a trained model does what it was trained to."""

import dataclasses
import functools
import importlib.util
import json
import sys
from dataclasses import field
from pathlib import Path

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig

PAIR_TASKS = ("causal_lm", "dialogue", "masked_lm", "bert", "albert")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateFlags:
    """The flags of `python -m tfzoo.evaluate`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    text_files: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Files, globs or folders to evaluate on; unset: the validation part."},
    )
    batch_size: int | None = field(
        default=None, metadata={"help": "Rows at a time; unset: about 2048 tokens."}
    )
    stride: int | None = field(
        default=None,
        metadata={
            "help": "With --task=causal_lm: how many tokens the windows that are read are apart, "
            "at most the model's context. Each token is predicted once, from at least context - "
            "stride tokens where there are so many before it; small strides cost time. Unset: the "
            "context, without overlap."
        },
    )
    num_beams: int = field(
        default=1,
        metadata={"help": "With --task=translation: how many beams to translate with; 1: greedy."},
    )
    pairs: str = field(
        default="",
        metadata={
            "help": "Instead: a .tsv file of sentences in pairs, with columns more (the one that "
            "stereotypes more), less and, if need be, group; or the .csv file of CrowS-Pairs. "
            "Which ones does the model prefer?"
        },
    )
    on_bad_rows: str | None = field(
        default=None,
        metadata={
            "help": "What to do about rows that are no examples, as in training; unset: as the "
            "run does.",
            "choices": ("fail", "skip"),
        },
    )
    data_dir: str | None = field(
        default=None, metadata={"help": "Folder of downloads and token stores; unset: the run's."}
    )


def evaluate(given: EvaluateFlags) -> int:
    """Prints, as one JSON object, how well the model of a run does its task.

    python -m tfzoo.evaluate --model_dir=runs/first
    python -m tfzoo.evaluate --model_dir=runs/first --text_files='other/*.txt'
    python -m tfzoo.evaluate --model_dir=runs/first --pairs=stereotypes.tsv
    python -m tfzoo.evaluate --model_dir=runs/translation --num_beams=4

    What is printed depends on the run's --task: for text loss in nats a token, perplexity and
    bits_per_byte, which compares models with different tokenizers; for classes accuracy, F1 and
    Matthews' correlation; for translations BLEU and chrF of what the model writes, beside the BLEU
    of the sources as they are. Fields of rows have the names that the run was given; targets are
    what was predicted: tokens, or rows. The numbers of the validation part are also shown by
    TensorBoard, as the run's "evaluation"; which classes were taken for which is a picture there,
    if matplotlib is installed.

    For --pairs it is the share of pairs whose first sentence is likelier, in all and by group, with
    its 95 % interval; without bias it is 0.5. Encoders guess each word that both sentences share
    (CrowS-Pairs, arXiv:2010.00133); decoders compare the likelihood of all words, so there length
    and rarity of the words that differ play a part.
    """
    _check(given)
    from tfzoo import zoo

    trained = zoo.load(given.model_dir)
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    given_anew = {name: getattr(given, name) for name in ("data_dir", "on_bad_rows")}
    config = dataclasses.replace(config, **{k: v for k, v in given_anew.items() if v})
    results = _preferences if given.pairs else _results
    print(json.dumps(results(given, config, trained)))
    return 0


def _check(given):
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    if given.batch_size is not None and given.batch_size < 1:
        raise UsageError(f"--batch_size must be at least 1. Received: {given.batch_size}")
    if given.num_beams < 1:
        raise UsageError(f"--num_beams must be at least 1. Received: {given.num_beams}")
    if given.pairs and (given.text_files or given.stride is not None):
        raise UsageError("--pairs takes neither --text_files nor --stride. Leave them out.")


def _results(given, config, trained):
    """What the task measures."""
    from tfzoo.evaluation import draw_confusion, evaluate
    from tfzoo.evaluation.picture import write_pictures
    from tfzoo.training import preparation
    from tfzoo.training.metrics import write_scalars
    from tfzoo.training.model_dir import ModelDir

    run = ModelDir(given.model_dir)
    if given.text_files:
        task = preparation.task_of(config, run, trained.tokenizer)
        store = preparation.whole_store(config, given.text_files, task)
    else:
        _, task, split = preparation.found(config, run)
        store = split.validation
    if given.num_beams > 1 and config.task != "translation":
        raise UsageError(
            "--num_beams is for runs of --task=translation. Leave it out for this run."
        )
    sizes = {"batch_size": given.batch_size, "stride": given.stride}
    score = evaluate(trained.model, task, store, **sizes)
    counted = "tokens" if task.data_kind == "text" else "targets"
    results = {**score.results, counted: score.num_targets}
    if config.task == "translation":
        results |= _translations(given, config, trained)
    if not given.text_files:
        numbers = {name: x for name, x in results.items() if not isinstance(x, str)}
        step = run.checkpoints.steps()[-1]
        write_scalars(run.path / "tensorboard" / "evaluation", step, numbers)
        if "confusion" in score.sums and importlib.util.find_spec("matplotlib"):
            picture = {"confusion": draw_confusion(score.sums["confusion"], task.labels)}
            write_pictures(run.path / "tensorboard" / "confusion", step, picture)
    return results


def _translations(given, config, trained):
    """How good the texts are that the model writes for the held-out sources."""
    from tfzoo.evaluation import held_out, score_decoded

    write = functools.partial(trained.generate, num_beams=given.num_beams)
    return score_decoded(write, held_out(config, given.text_files))


def _preferences(given, config, trained):
    """Which sentences of pairs the model prefers."""
    from tfzoo.evaluation import preferences, read_pairs, score_pairs

    if config.task not in PAIR_TASKS:
        raise UsageError(
            "--pairs needs a model that tells how likely words are: one of a run with --task of "
            f"{', '.join(PAIR_TASKS)}. Received: --task={config.task}"
        )
    pairs = read_pairs(given.pairs)
    model, tokenizer = trained.model, trained.tokenizer
    return preferences(pairs, score_pairs(model, tokenizer, pairs, batch_size=given.batch_size))


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(evaluate, EvaluateFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
