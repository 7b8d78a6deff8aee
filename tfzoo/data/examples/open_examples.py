"""Which examples are meant: a dataset by its name, or files."""

import os
from collections.abc import Sequence

from tfzoo.data.examples.chatterbot import Chatterbot
from tfzoo.data.examples.files import ExampleFiles
from tfzoo.data.examples.libreoffice import LibreOfficeHelp
from tfzoo.data.examples.rotten_reviews import RottenReviews
from tfzoo.data.examples.source import KINDS, ON_BAD_ROWS, ExampleSource
from tfzoo.data.examples.tfds import TensorFlowExamples
from tfzoo.data.open_source import DEFAULT_DATA_DIR
from tfzoo.data.prepared_split import PREFIX
from tfzoo.errors import UsageError

EXAMPLE_DATASETS = {
    "chatterbot": Chatterbot,
    "libreoffice_help_en_de": LibreOfficeHelp,
    "rotten_reviews": RottenReviews,
}


def open_examples(
    kind: str,
    *,
    dataset: str | None = None,
    files: Sequence[str] = (),
    fields: dict[str, str | None] | None = None,
    data_dir: str | None = None,
    on_bad_rows: str = "fail",
    files_flag: str = "--text_files",
) -> ExampleSource:
    """The examples that the flags name; exactly one of `dataset` and `files` must be given.

    Args:
        kind: "pairs", "labelled", "scored" (a number for a label), "tagged" or "dialogue".
        dataset: one of `EXAMPLE_DATASETS`, or "tfds:NAME[/CONFIG][:SPLIT]" for
            tensorflow-datasets.
        files: files, globs or folders (`ExampleFiles`).
        fields: role to name of its field, where that is another; None leaves a role its name.
            `text_pair` is there only if it has a name.
        data_dir: folder of downloads; None means ~/.cache/tfzoo.
        on_bad_rows: "fail", or "skip" to leave out rows that are no examples.
        files_flag: the flag that gave `files`, for messages.

    Raises:
        UsageError: if the examples cannot be found or fetched.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {list(KINDS)}. Received: kind={kind!r}.")
    if on_bad_rows not in ON_BAD_ROWS:
        raise UsageError(
            f"--on_bad_rows: must be one of {list(ON_BAD_ROWS)}. Received: {on_bad_rows!r}."
        )
    files = (files,) if isinstance(files, str) else tuple(map(os.fspath, files))
    if bool(dataset) == bool(files):
        given = f"dataset={dataset!r}, {files_flag.strip('-')}={list(files)!r}"
        raise UsageError(f"Give exactly one of --dataset and {files_flag}. Received: {given}.")
    options = {"fields": fields, "on_bad_rows": on_bad_rows}
    if files:
        return ExampleFiles(kind, files, flag=files_flag, **options)
    options["data_dir"] = os.path.expanduser(data_dir or DEFAULT_DATA_DIR)
    if dataset.startswith(PREFIX):
        return TensorFlowExamples(kind, dataset, **options)
    if dataset not in EXAMPLE_DATASETS:
        raise UsageError(
            f"--dataset: must be one of {sorted(EXAMPLE_DATASETS)} or {PREFIX}NAME for a name of "
            f"tensorflow-datasets, for {kind}. Received: {dataset!r}."
        )
    return EXAMPLE_DATASETS[dataset](kind, **options)
