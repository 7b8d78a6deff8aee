"""Text from tensorflow-datasets, by any of its names; imported only when it is used."""

import functools
import hashlib
import json
import os
from collections.abc import Iterator

from tfzoo.data.documents import Document, in_memory
from tfzoo.data.source import Source
from tfzoo.errors import UsageError

PREFIX = "tfds:"


class TensorFlowDatasets(Source):
    """One document for each example of a split.

    What tensorflow-datasets has already prepared in its own folder
    (~/tensorflow_datasets or TFDS_DATA_DIR) is used; anything else is fetched
    into `data_dir`/tensorflow_datasets.

    Args:
        name: "tfds:NAME", "tfds:NAME/CONFIG:VERSION" and so on as in
            `tfds.builder`, with ":SPLIT" after it; the split is "train" unless given.
        text_field: name of a text feature.
        data_dir: str. Folder for downloads.

    Raises:
        UsageError: if there is no such dataset, split or text feature, or if it
            cannot be fetched.
    """

    flag = "--dataset"

    def __init__(self, name: str, *, text_field: str, data_dir: str):
        self.name = name
        self.text_field = text_field
        builder_name, self.split = _parse(name)
        self._builder = _prepared(name, builder_name, data_dir)
        self._check()

    @functools.cached_property
    def fingerprint(self) -> str:
        info = self._builder.info
        splits = {key: [str(info.splits[key].num_bytes)] for key in sorted(info.splits)}
        lengths = list(info.splits[self.split].shard_lengths)
        facts = [info.full_name, self.split, self.text_field, splits, lengths]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def total_bytes(self) -> int | None:
        return int(self._builder.info.splits[self.split].num_bytes) or None

    def documents(self) -> Iterator[Document]:
        import tensorflow_datasets as tfds

        examples = self._builder.as_dataset(
            split=self.split,
            decoders=tfds.decode.PartialDecoding({self.text_field: True}),
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        for number, example in enumerate(tfds.as_numpy(examples)):
            text = in_memory(bytes(example[self.text_field]))
            yield Document(name=f"{self.name}[{number}]", open=text, flag=self.flag)

    def _check(self) -> None:
        info = self._builder.info
        try:
            examples = info.splits[self.split].num_examples
        except (ValueError, KeyError) as error:
            raise UsageError(
                f"--dataset: {self.name} has no split {self.split!r}; it has {sorted(info.splits)}."
            ) from error
        if not examples:
            raise UsageError(f"--dataset: the split {self.split!r} of {self.name} is empty.")
        features = {
            key: feature
            for key, feature in info.features.items()
            if getattr(feature, "dtype", None) == "string" and feature.shape == ()
        }
        if self.text_field not in features:
            raise UsageError(
                f"--text_field: {self.name} has no text feature {self.text_field!r}; it has "
                f"{sorted(features)}."
            )


def _parse(name: str) -> tuple[str, str]:
    """`tfds:a/b:1.0.0:test` -> ("a/b:1.0.0", "test"). A version begins with a digit or `*`."""
    builder, *rest = name.removeprefix(PREFIX).split(":", 1)
    if not rest:
        return builder, "train"
    first, *split = rest[0].split(":", 1)
    if first[:1].isdigit() or first[:1] == "*":
        return f"{builder}:{first}", split[0] if split else "train"
    return builder, rest[0]


def _prepared(name: str, builder_name: str, data_dir: str):
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UsageError(
            f"--dataset={name}: needs tensorflow-datasets: pip install tensorflow-datasets "
            f"importlib_resources. ({error})"
        ) from error
    folders = (None, os.path.join(data_dir, "tensorflow_datasets"))
    try:
        for folder in folders:
            builder = _builder(tfds, builder_name, folder)
            if builder and builder.is_prepared():
                return builder
        if builder is None:
            raise UsageError(
                f"--dataset: tensorflow-datasets {tfds.__version__} knows no {builder_name!r}, and "
                f"none is prepared in {folders[1]}."
            )
        builder.download_and_prepare()
        return builder
    except UsageError:
        raise
    except Exception as error:  # each dataset fails in its own way: no network, a missing package
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"--dataset={name}: tensorflow-datasets could not fetch or read it "
            f"({reason[0][:300]}). Check the network, prepare it elsewhere and copy it to "
            f"{folders[1]}, or give your own text by --text_files."
        ) from error


def _builder(tfds, name: str, folder: str | None):
    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.registered.DatasetNotFoundError:
        return None
