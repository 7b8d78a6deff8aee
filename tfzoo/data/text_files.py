"""Text from the user's own files: plain text and JSON lines, either also compressed by gzip."""

import functools
import io
import json
import os
from collections.abc import Iterable, Iterator

from tfzoo.data import paths
from tfzoo.data.documents import Document
from tfzoo.data.source import Source
from tfzoo.errors import UsageError


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
        self.paths = paths.matching_files(patterns, flag)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Over contents, not paths (`paths.contents_digest`)."""
        fields = [self.text_field if _is_json_lines(path) else None for path in self.paths]
        return paths.contents_digest(self.paths, fields, self.flag)

    @property
    def total_bytes(self) -> int:
        return paths.text_bytes(self.paths)

    def documents(self) -> Iterator[Document]:
        for path in self.paths:
            if _is_json_lines(path):
                yield from self._rows(path)
            else:
                yield paths.file_document(path, self.flag)

    def _rows(self, path) -> Iterator[Document]:
        with paths.file_document(path, self.flag).opened() as stream:
            for number, line in enumerate(stream, start=1):
                name = f"{path}:{number}"
                if line.strip() and (text := self._text_of(line, name)):
                    opener = functools.partial(io.BytesIO, _as_bytes(text))
                    yield Document(name=name, open=opener, flag=self.flag)

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


def _is_json_lines(path: str) -> bool:
    return paths.suffix(path) == ".jsonl"


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # JSON can escape half a surrogate pair
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")
