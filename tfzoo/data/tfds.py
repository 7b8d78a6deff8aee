"""Text from tensorflow-datasets, by any of its names."""

import functools
from collections.abc import Iterator

from tfzoo.data.documents import Document, in_memory
from tfzoo.data.prepared_split import PreparedSplit
from tfzoo.data.source import Source
from tfzoo.errors import UsageError


class TensorFlowDatasets(Source):
    """One document for each example of a split.

    Args:
        name: "tfds:NAME" and so on (`PreparedSplit`).
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
        self._split = PreparedSplit(name, data_dir)
        self._check()

    @functools.cached_property
    def fingerprint(self) -> str:
        return self._split.fingerprint(self.text_field)

    @property
    def total_bytes(self) -> int | None:
        return self._split.num_bytes

    def documents(self) -> Iterator[Document]:
        for number, example in enumerate(self._split.examples([self.text_field])):
            text = in_memory(bytes(example[self.text_field]))
            yield Document(name=f"{self.name}[{number}]", open=text, flag=self.flag)

    def _check(self) -> None:
        texts = [
            key
            for key, feature in self._split.features.items()
            if getattr(feature, "dtype", None) == "string" and feature.shape == ()
        ]
        if self.text_field not in texts:
            raise UsageError(
                f"--text_field: {self.name} has no text feature {self.text_field!r}; it has "
                f"{sorted(texts)}."
            )
