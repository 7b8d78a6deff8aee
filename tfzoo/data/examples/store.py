"""Examples on disk: for each column a flat file of token ids with their places, or one of numbers.

A store is a folder. A column of token ids has two files, a column of numbers one:

    NAME.tokens.bin     int32, little-endian: the ids of all examples
    NAME.offsets.bin    int64, little-endian: where each example begins, and the end
    NAME.numbers.bin    int32 or float32, little-endian: one for each example
    manifest.json       counts, columns, labels, and the size and sha256 of the other files
"""

import functools
import hashlib
import os
import weakref
from collections.abc import Iterable

import numpy as np

from tfzoo.data.store_files import HashedFile, checked_manifest, write_manifest

FORMAT = "examples 1"
TOKENS = "tokens"
NUMBERS = {"int32": "<i4", "float32": "<f4"}


class ExampleStore:
    """A store of examples, of any number: it stays on the disk.

    Args:
        folder: path of the store.

    Attributes:
        folder: as given.
        manifest: dict, what manifest.json holds: `num_examples`, `columns` (name to "tokens",
            "int32" or "float32"), `labels`, `num_bytes` (UTF-8 bytes of all texts),
            `bytes_by_role` (the same by role), `num_bad_rows`, `made_from`, `files`.

    Raises:
        DamagedStore: if a file is missing or is not as long (or, up to 64 MB, not
            the same) as when it was written.
    """

    def __init__(self, folder: str):
        self.folder = folder
        self.manifest = checked_manifest(folder, FORMAT)
        self._readers = {
            name: _TokenReader(folder, name)
            if kind == TOKENS
            else _NumberReader(folder, name, kind)
            for name, kind in self.manifest["columns"].items()
        }

    @property
    def num_examples(self) -> int:
        return self.manifest["num_examples"]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels of the source it was built from."""
        return tuple(self.manifest["labels"])

    @functools.cached_property
    def fingerprint(self) -> str:
        """sha256 of the columns: equal wherever and from whatever files they were built."""
        digests = {name: facts["sha256"] for name, facts in self.manifest["files"].items()}
        return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()

    def lengths(self, column: str) -> np.ndarray:
        """int32 (num_examples,): how many token ids each example has in this column."""
        return np.diff(self._column(column, _TokenReader).offsets).astype(np.int32)

    def rows(self, column: str, indices: Iterable[int]) -> list[np.ndarray]:
        """The token ids of these examples, int32 (n,) each, read from the file."""
        reader = self._column(column, _TokenReader)
        return [reader.row(index) for index in indices]

    def scalars(self, column: str) -> np.ndarray:
        """int32 or float32 (num_examples,): the numbers of this column, mapped read-only."""
        return self._column(column, _NumberReader).numbers

    def _column(self, name, reader):
        found = self._readers.get(name)
        if not isinstance(found, reader):
            raise ValueError(
                f"`column` must be one that holds {reader.holds}. Received: column={name!r}, "
                f"columns={self.manifest['columns']}."
            )
        return found


class _TokenReader:
    holds = TOKENS

    def __init__(self, folder, name):
        self.offsets = np.memmap(os.path.join(folder, f"{name}.offsets.bin"), "<i8", mode="r")
        self._file = os.open(os.path.join(folder, f"{name}.tokens.bin"), os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def row(self, index):
        start, stop = int(self.offsets[index]), int(self.offsets[index + 1])
        return np.frombuffer(os.pread(self._file, 4 * (stop - start), 4 * start), "<i4")


class _NumberReader:
    holds = "numbers"

    def __init__(self, folder, name, kind):
        path = os.path.join(folder, f"{name}.numbers.bin")
        self.numbers = np.memmap(path, NUMBERS[kind], mode="r")


class ExampleStoreWriter:
    """Writes a store example by example, in constant memory.

    Args:
        folder: path of a folder to make; it must not exist.
        columns: names of the columns. What an example has there says what a column holds: a
            sequence of ids, an int or a float.
    """

    def __init__(self, folder: str, columns: Iterable[str]):
        os.makedirs(folder)
        self.num_examples = 0
        self._folder = folder
        self._columns = dict.fromkeys(columns)
        self._bytes_by_role = {}

    def append(self, values: dict, bytes_by_role: dict[str, int]) -> None:
        """Adds an example: a value for each column, and how long its texts are."""
        for name, value in values.items():
            column = self._columns[name]
            if column is None:
                column = self._columns[name] = _new_column(self._folder, name, value)
            column.append(value)
        self.num_examples += 1
        for role, count in bytes_by_role.items():
            self._bytes_by_role[role] = self._bytes_by_role.get(role, 0) + count

    def finish(self, facts: dict) -> None:
        """Brings all of it to the disk and writes the manifest, `facts` included."""
        files = {}
        for column in self._columns.values():
            files |= column.finish()
        manifest = {
            "format": FORMAT,
            "num_examples": self.num_examples,
            "columns": {name: column.kind for name, column in self._columns.items()},
            "num_bytes": sum(self._bytes_by_role.values()),
            "bytes_by_role": self._bytes_by_role,
            **facts,
            "files": files,
        }
        write_manifest(self._folder, manifest)

    def close(self) -> None:
        """Lets go of the files, finished or not."""
        for column in filter(None, self._columns.values()):
            column.close()


def _new_column(folder, name, value):
    if isinstance(value, (float, np.floating)):
        return _NumberColumn(folder, name, "float32")
    if isinstance(value, (int, np.integer)):
        return _NumberColumn(folder, name, "int32")
    return _TokenColumn(folder, name)


class _NumberColumn:
    def __init__(self, folder, name, kind):
        self.kind = kind
        self._name = f"{name}.numbers.bin"
        self._file = HashedFile(os.path.join(folder, self._name))

    def append(self, value):
        if self.kind == "int32" and not isinstance(value, (int, np.integer)):
            raise ValueError(f"`{self._name}` must hold ints only. Received: {value!r}.")
        self._file.write(np.asarray(value, NUMBERS[self.kind]).tobytes())

    def finish(self):
        return {self._name: self._file.finish()}

    def close(self):
        self._file.close()


class _TokenColumn:
    kind = TOKENS

    def __init__(self, folder, name):
        self._names = (f"{name}.tokens.bin", f"{name}.offsets.bin")
        self._tokens, self._offsets = (
            HashedFile(os.path.join(folder, file)) for file in self._names
        )
        self._count = 0
        self._offsets.write(np.asarray(0, "<i8").tobytes())

    def append(self, value):
        ids = np.asarray(value, "<i4")
        if ids.ndim != 1:
            raise ValueError(f"`{self._names[0]}` must hold rows of ids. Received: {value!r}.")
        self._tokens.write(ids.tobytes())
        self._count += len(ids)
        self._offsets.write(np.asarray(self._count, "<i8").tobytes())

    def finish(self):
        both = zip(self._names, (self._tokens, self._offsets), strict=True)
        return {name: file.finish() for name, file in both}

    def close(self):
        self._tokens.close()
        self._offsets.close()
