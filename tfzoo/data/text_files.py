"""Text from the user's own files: plain text and JSON lines, either also compressed by gzip."""

import functools
import glob
import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator

from tfzoo.data.documents import Document, unreadable
from tfzoo.data.source import Source
from tfzoo.errors import UsageError

FULL_HASH_BYTES = 256 << 20
ENDS_BYTES = 1 << 12
# Uncompressed bytes for a byte of gzip, for progress bars: text compresses to about a third.
GZIP_RATIO = 3


class TextFiles(Source):
    """Files in the order given, folders and globs in sorted order; no file twice.

    A plain file is one document; a row of a .jsonl file is one document. A folder
    means all files below it but hidden ones. Empty files that a folder or a glob
    brought along are left out; an empty file that was named is an error.

    Args:
        patterns: files, globs (`**` too) or folders.
        text_field: field of a JSON row that holds its text.
        flag: the flag to name in errors.

    Raises:
        UsageError: if a pattern matches nothing, or only empty files.
    """

    def __init__(
        self, patterns: Iterable[str | os.PathLike], *, text_field="text", flag="--text_files"
    ):
        patterns = [os.fspath(pattern) for pattern in patterns]
        self.name = ",".join(patterns)
        self.flag = flag
        self.text_field = text_field
        self.paths = tuple(dict.fromkeys(path for p in patterns for path in _matches(p, flag)))

    @functools.cached_property
    def fingerprint(self) -> str:
        """Over contents, not paths, so that moved files are the same text.

        Up to 256 MB in all, every byte counts. Above that each file counts by its
        size, its time of change and its first and last 4 KB.
        """
        digest = hashlib.sha256()
        whole = sum(map(os.path.getsize, self.paths)) <= FULL_HASH_BYTES
        for path in self.paths:
            field = self.text_field if _is_json_lines(path) else None
            digest.update(json.dumps([field, path.endswith(".gz")]).encode())
            digest.update(_content_digest(path, whole, self.flag))
        return digest.hexdigest()

    @property
    def total_bytes(self) -> int:
        return sum(
            os.path.getsize(path) * (GZIP_RATIO if path.endswith(".gz") else 1)
            for path in self.paths
        )

    def documents(self) -> Iterator[Document]:
        for path in self.paths:
            if _is_json_lines(path):
                yield from self._rows(path)
            else:
                opener = functools.partial(_open, path)
                yield Document(name=path, open=opener, flag=self.flag)

    def _rows(self, path) -> Iterator[Document]:
        file = Document(name=path, open=functools.partial(_open, path), flag=self.flag)
        with file.opened() as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    name = f"{path}:{number}"
                    opener = functools.partial(self._open_row, line, name)
                    yield Document(name=name, open=opener, flag=self.flag)

    def _open_row(self, line: bytes, name: str):
        return io.BytesIO(_as_bytes(self._text_of(line, name)))

    def _text_of(self, line: bytes, name: str) -> str:
        try:
            row = json.loads(line.decode("utf-8-sig", errors="replace"))
        except ValueError as error:
            raise UsageError(f"{self.flag}: {name} is not a JSON row ({error}).") from error
        if not isinstance(row, dict):
            raise UsageError(f"{self.flag}: {name} is not a JSON object: {line[:60]!r}.")
        if not isinstance(row.get(self.text_field), str):
            raise UsageError(
                f"--text_field: {name} has no text in the field {self.text_field!r}; its fields "
                f"are {sorted(row)}."
            )
        return row[self.text_field]


def _matches(pattern: str, flag: str) -> list[str]:
    path = os.path.expanduser(pattern)
    if os.path.isfile(path):
        if not os.path.getsize(path):
            raise UsageError(f"{flag}: {pattern} is empty. Give a file with text in it.")
        return [os.path.realpath(path)]
    if os.path.isdir(path):
        found = _files_below(path)
    else:
        found = list(filter(os.path.isfile, sorted(glob.glob(path, recursive=True))))
    if not found:
        raise UsageError(f"{flag}: no file matches {pattern!r}. Give files, globs or folders.")
    full = [os.path.realpath(match) for match in found if os.path.getsize(match)]
    if not full:
        raise UsageError(f"{flag}: all files that match {pattern!r} are empty.")
    return full


def _files_below(folder: str) -> list[str]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(root, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if os.path.isfile(path))


def _is_json_lines(path: str) -> bool:
    return path.removesuffix(".gz").endswith(".jsonl")


def _open(path: str):
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # JSON can escape half a surrogate pair
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


def _content_digest(path: str, whole: bool, flag: str) -> bytes:
    try:
        with open(path, "rb") as file:
            if whole:
                return hashlib.file_digest(file, "sha256").digest()
            status = os.fstat(file.fileno())
            head = file.read(ENDS_BYTES)
            file.seek(max(0, status.st_size - ENDS_BYTES))
            ends = hashlib.sha256(head + file.read())
    except OSError as error:
        raise unreadable(path, flag, error) from error
    ends.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return ends.digest()
