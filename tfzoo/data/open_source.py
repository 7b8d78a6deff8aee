"""Which text is meant: a dataset by its name, or files."""

import os
from collections.abc import Sequence

from tfzoo.data.prepared_split import PREFIX
from tfzoo.data.sotu import Sotu
from tfzoo.data.source import Source
from tfzoo.data.text_files import TextFiles
from tfzoo.data.tfds import TensorFlowDatasets
from tfzoo.errors import UsageError

DATASETS = {"sotu": Sotu}
DEFAULT_DATA_DIR = "~/.cache/tfzoo"


def open_source(
    dataset: str | None = None,
    text_files: Sequence[str] = (),
    text_field: str = "text",
    data_dir: str | None = None,
    *,
    files_flag: str = "--text_files",
) -> Source:
    """The text that the flags name; exactly one of `dataset` and `text_files` must be given.

    Args:
        dataset: "sotu", or "tfds:NAME[/CONFIG][:SPLIT]" for tensorflow-datasets.
        text_files: files, globs or folders (`TextFiles`).
        text_field: field that holds the text, in JSON rows and tensorflow-datasets.
        data_dir: folder of downloads; None means ~/.cache/tfzoo.
        files_flag: the flag that gave `text_files`, for messages.

    Returns:
        A `Source`: `documents()`, `fingerprint`, `total_bytes`.

    Raises:
        UsageError: if the text cannot be found, read or fetched.
    """
    if isinstance(text_files, str):
        text_files = (text_files,)
    if bool(dataset) == bool(text_files):
        given = f"dataset={dataset!r}, text_files={list(text_files)!r}"
        raise UsageError(f"Give exactly one of --dataset and {files_flag}. Received: {given}.")
    if text_files:
        return TextFiles(text_files, text_field=text_field, flag=files_flag)
    data_dir = os.path.expanduser(data_dir or DEFAULT_DATA_DIR)
    if dataset.startswith(PREFIX):
        return TensorFlowDatasets(dataset, text_field=text_field, data_dir=data_dir)
    if dataset not in DATASETS:
        raise UsageError(
            f"--dataset: must be one of {sorted(DATASETS)} or {PREFIX}NAME for a name of "
            f"tensorflow-datasets. Received: {dataset!r}."
        )
    return DATASETS[dataset](data_dir)
