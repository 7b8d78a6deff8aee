"""`python -m tfzoo.evaluate`: how well a trained model does what it was trained to."""

import dataclasses
import json
import sys
from dataclasses import field
from pathlib import Path

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig


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
    data_dir: str | None = field(
        default=None, metadata={"help": "Folder of downloads and token stores; unset: the run's."}
    )


def evaluate(given: EvaluateFlags) -> int:
    """Prints, as one JSON object, how well the model of a run does its task.

    python -m tfzoo.evaluate --model_dir=runs/first
    python -m tfzoo.evaluate --model_dir=runs/first --text_files='other/*.txt'

    What is printed depends on the run's --task: for text loss in nats a token, perplexity and
    bits_per_byte, which compares models with different tokenizers; for classes accuracy, F1 and
    Matthews' correlation. Fields of rows have the names that the run was given; targets are what
    was predicted: tokens, or rows.
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    if given.batch_size is not None and given.batch_size < 1:
        raise UsageError(f"--batch_size must be at least 1. Received: {given.batch_size}")
    from tfzoo import zoo
    from tfzoo.evaluation import evaluate
    from tfzoo.training import preparation
    from tfzoo.training.model_dir import ModelDir

    trained = zoo.load(given.model_dir)
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    if given.data_dir:
        config = dataclasses.replace(config, data_dir=given.data_dir)
    run = ModelDir(given.model_dir)
    if given.text_files:
        task = preparation.task_of(config, run, trained.tokenizer)
        store = preparation.whole_store(config, given.text_files, task)
    else:
        _, task, split = preparation.found(config, run)
        store = split.validation
    score = evaluate(trained.model, task, store, batch_size=given.batch_size)
    counted = "tokens" if task.data_kind == "text" else "targets"
    print(json.dumps({**score.results, counted: score.num_targets}))
    return 0


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(evaluate, EvaluateFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
