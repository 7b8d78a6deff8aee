"""Tokens on disk: one flat file of ids, the place of each document, and a manifest.

The stream is: end-of-text, document 1, end-of-text, document 2, ..., document n,
end-of-text. A store is a folder with three files:

    tokens.bin      uint16 or uint32, little-endian: the stream
    offsets.bin     int64, little-endian: the places of its end-of-texts, n + 1 of them
    manifest.json   counts, dtype, and the size and sha256 of the other two
"""

import functools
import os
import weakref

import numpy as np

from tfzoo.data.store_files import HashedFile, checked_manifest, write_manifest

FORMAT = 1
TOKENS, OFFSETS = "tokens.bin", "offsets.bin"


class TokenStore:
    """A token store, of any size: it stays on the disk, and opening it costs no memory.

    Args:
        folder: path of the store.

    Attributes:
        folder: as given.
        manifest: dict, what manifest.json holds.

    Raises:
        DamagedStore: if a file is missing or is not as long (or, up to 64 MB, not
            the same) as when it was written.
    """

    def __init__(self, folder: str):
        self.folder = folder
        self.manifest = checked_manifest(folder, FORMAT)

    @functools.cached_property
    def tokens(self) -> np.ndarray:
        """uint16 or uint32 (num_tokens,): the stream, mapped read-only.

        What is read of it counts as this process's memory until the system needs
        that; `read` does not have this effect.
        """
        return self._mapped(TOKENS, self.manifest["dtype"])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Tokens `start` to `stop` or the end, uint16 or uint32 (n,), read from the file."""
        dtype = np.dtype(self.manifest["dtype"])
        size, place = (stop - start) * dtype.itemsize, start * dtype.itemsize
        return np.frombuffer(os.pread(self._file, size, place), dtype)

    @functools.cached_property
    def offsets(self) -> np.ndarray:
        """int64 (num_documents + 1,): document i is `tokens[offsets[i] + 1 : offsets[i + 1]]`."""
        return self._mapped(OFFSETS, "<i8")

    @property
    def num_tokens(self) -> int:
        """Length of the stream, end-of-texts included."""
        return self.manifest["num_tokens"]

    @property
    def num_documents(self) -> int:
        return self.manifest["num_documents"]

    @property
    def num_bytes(self) -> int:
        """UTF-8 bytes of the text that the tokens stand for."""
        return self.manifest["num_bytes"]

    @property
    def end_of_text(self) -> int:
        return self.manifest["end_of_text"]

    @property
    def fingerprint(self) -> str:
        """sha256 of the token stream: equal wherever and from whatever files it was built."""
        return self.manifest["files"][TOKENS]["sha256"]

    @functools.cached_property
    def _file(self) -> int:
        descriptor = os.open(os.path.join(self.folder, TOKENS), os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def _mapped(self, name, dtype):
        return np.memmap(os.path.join(self.folder, name), dtype=dtype, mode="r")


class TokenStoreWriter:
    """Writes a store document by document, in constant memory.

    Args:
        folder: path of a folder to make; it must not exist.
        tokenizer: gives the dtype and end-of-text.
    """

    def __init__(self, folder: str, tokenizer):
        os.makedirs(folder)
        self.num_documents = self.num_bytes = self._num_tokens = 0
        self._folder = folder
        self._dtype = np.dtype("<u2" if tokenizer.vocabulary_size <= 1 << 16 else "<u4")
        self._end_of_text = tokenizer.end_of_text
        self._tokens = HashedFile(os.path.join(folder, TOKENS))
        self._offsets = HashedFile(os.path.join(folder, OFFSETS))

    def start_document(self) -> None:
        self.num_documents += 1
        self._end()

    def append(self, ids, num_bytes: int) -> None:
        """Adds ids that stand for `num_bytes` of text to the document last started."""
        self._tokens.write(np.asarray(ids, self._dtype).tobytes())
        self._num_tokens += len(ids)
        self.num_bytes += num_bytes

    def finish(self, made_from: dict) -> None:
        """Ends the stream, brings all of it to the disk and writes the manifest."""
        self._end()
        manifest = {
            "format": FORMAT,
            "dtype": self._dtype.str,
            "num_tokens": self._num_tokens,
            "num_documents": self.num_documents,
            "num_bytes": self.num_bytes,
            "end_of_text": self._end_of_text,
            "made_from": made_from,
            "files": {TOKENS: self._tokens.finish(), OFFSETS: self._offsets.finish()},
        }
        write_manifest(self._folder, manifest)

    def close(self) -> None:
        """Lets go of the files, finished or not."""
        self._tokens.close()
        self._offsets.close()

    def _end(self):
        self._offsets.write(self._num_tokens.to_bytes(8, "little"))
        self._tokens.write(np.asarray([self._end_of_text], self._dtype).tobytes())
        self._num_tokens += 1
