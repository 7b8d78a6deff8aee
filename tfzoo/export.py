"""`python -m tfzoo.export`: a trained model as a SavedModel for TensorFlow Serving."""

import dataclasses
import sys
from dataclasses import field
from pathlib import Path

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportFlags:
    """The flags of `python -m tfzoo.export`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    export_dir: str = field(
        default="",
        metadata={"help": "Folder that gets the next version, for example saved_models/NAME."},
    )
    variants: tuple[str, ...] = field(
        default=("float32",),
        metadata={
            "help": "How weights are kept, some of float32, bfloat16 and int8: in 4, 2 or 1 bytes "
            "each. The first goes to --export_dir, each other one beside it, to "
            "EXPORT_DIR_VARIANT, and is a model of its own to a server."
        },
    )


def export(given: ExportFlags) -> int:
    """Writes the model of a run as the next version of a served model.

    python -m tfzoo.export --model_dir=runs/first --export_dir=saved_models/first
    python -m tfzoo.export --model_dir=runs/first --export_dir=saved_models/first \\
        --variants=float32,int8

    It is put in place if it passes its check: moved, and opened by TensorFlow's C++ loader in a
    process of its own, each signature answers as in Python. What is printed are the folders; on
    standard error stands what the check has found.
    """
    if not given.model_dir or not given.export_dir:
        raise UsageError(
            "Give --model_dir, the folder of a run, and --export_dir, where its SavedModel goes."
        )
    from tfzoo import serving, zoo

    trained = zoo.load(given.model_dir)
    exported = serving.export_variants(
        trained.model,
        trained.tokenizer,
        given.export_dir,
        given.variants,
        model_dir=given.model_dir,
        texts=_texts(given.model_dir, trained.tokenizer),
        **trained.learnt,
    )
    serving.show(exported.checked)
    print(*exported.versions, sep="\n")
    return 0


def _texts(model_dir, tokenizer):
    """What the run was validated on, if there is a run and its text is at hand."""
    from tfzoo.training import preparation
    from tfzoo.training.model_dir import ModelDir

    try:
        config = flags.read(TrainConfig, Path(model_dir) / "train.flags")
        return preparation.validation_texts(config, ModelDir(model_dir), tokenizer)
    except UsageError:
        return []


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(export, ExportFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
