"""The user's files: which ones a pattern means, how they are opened, how contents are told."""

import functools
import glob
import gzip
import hashlib
import json
import os
from collections.abc import Iterable

from tfzoo.data.documents import Document, unreadable
from tfzoo.errors import UsageError

FULL_HASH_BYTES = 256 << 20
ENDS_BYTES = 1 << 12
# Uncompressed bytes for a byte of gzip, for progress bars: text compresses to about a third.
GZIP_RATIO = 3


def matching_files(patterns: Iterable[str], flag: str) -> tuple[str, ...]:
    """The files of the patterns in the order given, folders and globs in sorted order, each once.

    A folder means all files below it but hidden ones. Empty files that a folder or
    a glob brought along are left out.

    Args:
        patterns: files, globs (`**` too) or folders.
        flag: the flag to name in errors.

    Returns:
        Resolved paths.

    Raises:
        UsageError: if a pattern matches nothing, or only empty files.
    """
    return tuple(dict.fromkeys(path for p in patterns for path in _matches(p, flag)))


def open_file(path: str):
    """A binary stream of what the file holds, uncompressed."""
    return gzip.open(path, "rb") if is_gzip(path) else open(path, "rb")


def is_gzip(path: str) -> bool:
    """Whether the file's name says that it is compressed."""
    return path.lower().endswith(".gz")


def file_document(path: str, flag: str) -> Document:
    """The file as a document."""
    return Document(name=path, open=functools.partial(open_file, path), flag=flag)


def suffix(path: str) -> str:
    """Its ending in small letters, that of what is inside a .gz: ".jsonl" of `a.JSONL.gz`."""
    return os.path.splitext(path.lower().removesuffix(".gz"))[1]


def text_bytes(paths: Iterable[str]) -> int:
    """About how many bytes of text the files hold."""
    return sum(os.path.getsize(p) * (GZIP_RATIO if is_gzip(p) else 1) for p in paths)


def contents_digest(paths: Iterable[str], facts: Iterable, flag: str) -> str:
    """Hexadecimal digest over contents, not paths, so that moved files are the same text.

    Up to 256 MB in all, every byte counts. Above that each file counts by its
    size, its time of change and its first and last 4 KB.

    Args:
        paths: the files.
        facts: for each file, what else decides how it is read.
        flag: the flag to name in errors.
    """
    digest = hashlib.sha256()
    whole = sum(map(os.path.getsize, paths)) <= FULL_HASH_BYTES
    for path, fact in zip(paths, facts, strict=True):
        digest.update(json.dumps([fact, is_gzip(path)]).encode())
        digest.update(_content_digest(path, whole, flag))
    return digest.hexdigest()


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
