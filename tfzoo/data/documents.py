"""A document: text of any length, opened as often as needed and read in pieces of bounded size."""

import contextlib
import dataclasses
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tfzoo.errors import UsageError

PIECE_BYTES = 1 << 20
BORDER_SEARCH_BYTES = 1 << 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """One text, which need not fit in memory.

    Attributes:
        name: where it comes from, for messages: a path, or path:line.
        open: gives a new seekable binary stream of its UTF-8 bytes.
        flag: the flag that named it, for messages.
    """

    name: str
    open: Callable[[], BinaryIO]
    flag: str = "--text_files"

    def num_bytes(self) -> int:
        """Its length. A compressed file is read through for that."""
        with self.opened() as stream:
            return stream.seek(0, os.SEEK_END)

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `stop` (or the end), about 1 MB at a time.

        A piece ends before white space where there is some near its end, and
        never inside a code point of valid UTF-8.
        """
        rest = b""
        with self.opened() as stream:
            stream.seek(start)
            while block := stream.read(_step(start, stop)):
                start += len(block)
                last = len(block) < PIECE_BYTES
                block = rest + block
                cut = len(block) if last else word_border(block, len(block) - 1)
                rest = block[cut:]
                yield block[:cut]
        if rest:
            yield rest

    def border_before(self, position: int) -> int:
        """The nearest place at or before `position` where white space follows a word."""
        start = max(0, position - BORDER_SEARCH_BYTES)
        with self.opened() as stream:
            stream.seek(start)
            text = stream.read(position - start + 1)
        return start + word_border(text, position - start)

    @contextlib.contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The stream, with errors of reading turned into errors for the user."""
        try:
            with self.open() as stream:
                yield stream
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UsageError(
                f"{self.flag}: {self.name} is not a whole gzip file ({error}). Compress it again, "
                "or leave it out."
            ) from error
        except OSError as error:
            raise unreadable(self.name, self.flag, error) from error


def _step(position: int, stop: int | None) -> int:
    return PIECE_BYTES if stop is None else min(PIECE_BYTES, stop - position)


def in_memory(text: bytes) -> Callable[[], BinaryIO]:
    """The `open` of a document that is held in memory."""
    return lambda: io.BytesIO(text)


def unreadable(name: str, flag: str, error: OSError) -> UsageError:
    """The error for a file that exists but cannot be read."""
    return UsageError(f"{flag}: {name} cannot be read: {error.strerror or error}.")


def word_border(text: bytes, near: int) -> int:
    """The largest cut <= `near` with white space after it; failing that, one between code points.

    White space is looked for in the last 4 KB before `near` only. No cut changes
    how invalid bytes are replaced.
    """
    low = max(0, near - BORDER_SEARCH_BYTES)
    cut = max(text.rfind(space, low, near + 1) for space in (b" ", b"\n"))
    if cut > 0:
        return cut
    for cut in range(near, max(-1, near - 4), -1):
        if cut == len(text) or text[cut] & 0xC0 != 0x80:
            return cut
    return near
