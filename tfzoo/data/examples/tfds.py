"""Examples from tensorflow-datasets, by any of its names and the names of its features."""

import functools
from collections.abc import Callable, Iterator

import numpy as np

from tfzoo.data.examples.named import NamedExamples
from tfzoo.data.prepared_split import PreparedSplit


class TensorFlowExamples(NamedExamples):
    """The examples of a split. A class label goes by its name.

    Args:
        kind: one of `KINDS`.
        name: "tfds:NAME" and so on (`PreparedSplit`).
        fields: role to name of its feature, where that is another.
        data_dir: str. Folder for downloads.
        on_bad_rows: "fail" or "skip".

    Raises:
        UsageError: if there is no such dataset, split or feature, or if it cannot be
            fetched.
    """

    def __init__(self, kind, name: str, *, fields, data_dir, on_bad_rows):
        self.name = name
        self._split = PreparedSplit(name, data_dir)
        readers = {key: _reader(feature) for key, feature in self._split.features.items()}
        self._readers = {key: reader for key, reader in readers.items() if reader}
        self.offered = tuple(self._readers)
        super().__init__(kind, fields=fields, on_bad_rows=on_bad_rows)
        self.total_bytes = self._split.num_bytes
        self.contents = [self._split.fingerprint(sorted(self.fields.values()))]

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """Those that the dataset declares, whether or not they occur; else as they occur."""
        role = {"labelled": "label", "tagged": "tags"}.get(self.kind)
        if role is None:
            return ()
        feature = self._split.features[self.fields[role]]
        names = getattr(getattr(feature, "feature", feature), "names", None)
        return tuple(sorted(names)) if names else super().labels

    def records(self) -> Iterator[dict]:
        fields = set(self.fields.values())
        for example in self._split.examples(sorted(fields)):
            yield {field: self._readers[field](example[field]) for field in fields}


def _reader(feature) -> Callable | None:
    """Function from what NumPy has of a feature to str, number or list; None if there is none."""
    from tensorflow_datasets import features

    if isinstance(feature, features.Text):
        return _text
    if isinstance(feature, features.ClassLabel):
        return lambda value: feature.int2str(int(value)) if value >= 0 else None
    if isinstance(feature, features.Sequence):
        read = _reader(feature.feature)
        return read and (lambda values: [read(value) for value in values])
    if getattr(feature, "shape", None) == () and np.dtype(feature.np_dtype).kind in "biuf":
        return lambda value: value.item()
    return None


def _text(value: bytes) -> str:
    """Bytes that are not UTF-8 become what no valid text has."""
    return bytes(value).decode("utf-8", "surrogateescape")
