"""`python -m tfzoo.evaluate`: how well a trained model predicts text."""

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
    text_field: str = field(
        default="text", metadata={"help": "Name of the field that holds the text in JSONL rows."}
    )
    batch_size: int | None = field(
        default=None, metadata={"help": "Rows at a time; unset: about 2048 tokens."}
    )
    data_dir: str | None = field(
        default=None, metadata={"help": "Folder of downloads and token stores; unset: the run's."}
    )


def evaluate(given: EvaluateFlags) -> int:
    """Prints, as one JSON object, how well the model of a run predicts text.

    python -m tfzoo.evaluate --model_dir=runs/first
    python -m tfzoo.evaluate --model_dir=runs/first --text_files='other/*.txt'

    loss is in nats a token; bits_per_byte compares models with different tokenizers; tokens are
    those that were predicted.
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    if given.batch_size is not None and given.batch_size < 1:
        raise UsageError(f"--batch_size must be at least 1. Received: {given.batch_size}")
    from tfzoo import tasks, zoo
    from tfzoo.evaluation import evaluate

    trained = zoo.load(given.model_dir)
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    if given.data_dir:
        config = dataclasses.replace(config, data_dir=given.data_dir)
    task = tasks.TASKS[config.task]()
    store = _store(given, config, trained.tokenizer)
    score = evaluate(trained.model, task, trained.tokenizer, store, batch_size=given.batch_size)
    print(json.dumps(_results(score)))
    return 0


def _store(given, config, tokenizer):
    """The tokens of --text_files, or of the run's validation part."""
    from tfzoo import data
    from tfzoo.training import preparation

    if not given.text_files:
        return preparation.token_split(config, tokenizer).validation
    source = data.open_source(text_files=given.text_files, text_field=given.text_field)
    return data.build_whole_store(source, tokenizer, data_dir=config.data_dir)


def _results(score) -> dict:
    return {
        "loss": score.loss,
        "perplexity": score.perplexity,
        "bits_per_byte": score.bits_per_byte,
        "tokens": score.num_targets,
    }


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(evaluate, EvaluateFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
