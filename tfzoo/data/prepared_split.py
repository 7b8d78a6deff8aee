"""One split of a dataset of tensorflow-datasets, which is imported only when it is used."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence

from tfzoo.errors import UsageError

PREFIX = "tfds:"


class PreparedSplit:
    """A split that is on this machine.

    What tensorflow-datasets has already prepared in its own folder
    (~/tensorflow_datasets or TFDS_DATA_DIR) is used; anything else is fetched
    into `data_dir`/tensorflow_datasets.

    Args:
        name: "tfds:NAME", "tfds:NAME/CONFIG:VERSION" and so on as in
            `tfds.builder`, with ":SPLIT" after it; the split is "train" unless given.
        data_dir: str. Folder for downloads.

    Attributes:
        name: as given.
        features: dict, name of a feature to the feature.

    Raises:
        UsageError: if there is no such dataset or split, or if it cannot be fetched.
    """

    def __init__(self, name: str, data_dir: str):
        self.name = name
        self._split = _parse(name)[1]
        self._builder = _prepared(name, data_dir)
        self._check()
        self.features = dict(self._builder.info.features.items())

    @property
    def num_bytes(self) -> int | None:
        """Size of all its features on the disk, or None where that is not known."""
        return int(self._builder.info.splits[self._split].num_bytes) or None

    def fingerprint(self, fields) -> str:
        """Hexadecimal digest of the dataset's version, the split and what is read of it."""
        info = self._builder.info
        splits = {key: [str(info.splits[key].num_bytes)] for key in sorted(info.splits)}
        lengths = list(info.splits[self._split].shard_lengths)
        facts = [info.full_name, self._split, fields, splits, lengths]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def examples(self, fields: Sequence[str]) -> Iterator[dict]:
        """These features of each example, as NumPy has them, in the order of the split."""
        import tensorflow_datasets as tfds

        examples = self._builder.as_dataset(
            split=self._split,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(fields, True)),
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        yield from tfds.as_numpy(examples)

    def _check(self) -> None:
        info = self._builder.info
        try:
            examples = info.splits[self._split].num_examples
        except (ValueError, KeyError) as error:
            raise UsageError(
                f"--dataset: {self.name} has no split {self._split!r}; it has "
                f"{sorted(info.splits)}."
            ) from error
        if not examples:
            raise UsageError(f"--dataset: the split {self._split!r} of {self.name} is empty.")


def _parse(name: str) -> tuple[str, str]:
    """`tfds:a/b:1.0.0:test` -> ("a/b:1.0.0", "test"). A version begins with a digit or `*`."""
    builder, *rest = name.removeprefix(PREFIX).split(":", 1)
    if not rest:
        return builder, "train"
    first, *split = rest[0].split(":", 1)
    if first[:1].isdigit() or first[:1] == "*":
        return f"{builder}:{first}", split[0] if split else "train"
    return builder, rest[0]


def prepared_bytes(name: str, data_dir: str) -> int | None:
    """Size on the disk of the split that a name means; None before it is fetched.

    Raises:
        UsageError: if there is no such dataset or split.
    """
    if not _found(name, data_dir).is_prepared():
        return None
    return PreparedSplit(name, data_dir).num_bytes


def _prepared(name: str, data_dir: str):
    builder = _found(name, data_dir)
    if not builder.is_prepared():
        with _explained(name, data_dir):
            builder.download_and_prepare()
    return builder


def _found(name: str, data_dir: str):
    """The dataset's builder, of the first folder where it is prepared, else of `data_dir`."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UsageError(
            f"--dataset={name}: needs tensorflow-datasets: pip install tensorflow-datasets "
            f"importlib_resources. ({error})"
        ) from error
    builder_name = _parse(name)[0]
    with _explained(name, data_dir):
        for folder in (None, _folder(data_dir)):
            builder = _builder(tfds, builder_name, folder)
            if builder and builder.is_prepared():
                break
        if builder is None:
            raise UsageError(
                f"--dataset: tensorflow-datasets {tfds.__version__} knows no {builder_name!r}, and "
                f"none is prepared in {_folder(data_dir)}."
            )
    return builder


@contextlib.contextmanager
def _explained(name, data_dir):
    try:
        yield
    except UsageError:
        raise
    except Exception as error:  # each dataset fails in its own way: no network, a missing package
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"--dataset={name}: tensorflow-datasets could not fetch or read it "
            f"({reason[0][:300]}). Check the network, prepare it elsewhere and copy it to "
            f"{_folder(data_dir)}, or give your own text by --text_files."
        ) from error


def _folder(data_dir):
    return os.path.join(data_dir, "tensorflow_datasets")


def _builder(tfds, name: str, folder: str | None):
    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.registered.DatasetNotFoundError:
        return None
