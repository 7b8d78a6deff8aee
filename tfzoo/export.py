"""`python -m tfzoo.export`: a trained model as a SavedModel for TensorFlow Serving."""

import dataclasses
import sys
from dataclasses import field

from tfzoo import flags
from tfzoo.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportFlags:
    """The flags of `python -m tfzoo.export`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    export_dir: str = field(
        default="",
        metadata={"help": "Folder that gets the next version, for example saved_models/NAME."},
    )


def export(given: ExportFlags) -> int:
    """Writes the model of a run as the next version of a served model.

    python -m tfzoo.export --model_dir=runs/first --export_dir=saved_models/first
    """
    if not given.model_dir or not given.export_dir:
        raise UsageError(
            "Give --model_dir, the folder of a run, and --export_dir, where its SavedModel goes."
        )
    from tfzoo import serving, zoo

    trained = zoo.load(given.model_dir)
    model_dir, learnt = given.model_dir, trained.learnt
    version = serving.export(
        trained.model, trained.tokenizer, given.export_dir, model_dir=model_dir, **learnt
    )
    print(version)
    return 0


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(export, ExportFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
