"""What every tokenizer is: an exact map from text to ids and back, in Python and in the graph."""

import abc
import functools
import hashlib
from collections.abc import Callable, Iterable

from tfzoo.tokenizers import folders

END_OF_TEXT = "<|endoftext|>"
REPLACEMENT = "\ufffd".encode()  # what stands for bytes that are not UTF-8


def as_text(document: str | bytes) -> str:
    """The document as valid Unicode, by the rule of Python's errors="replace".

    Surrogates in a str are no characters either: each becomes what its three bytes become.
    """
    if isinstance(document, str):
        document = document.encode("utf-8", "surrogatepass")
    return document.decode("utf-8", "replace")


class Tokenizer(abc.ABC):
    """The interface of all kinds; a kind adds `_encode`, `_files`, `_read`, `train` and `graph`.

    The fast face (`encode_batch`, `decode_batch`) serves corpora; the graph face (`graph()`) is
    made of TensorFlow ops and gives the same ids and the same text. Text never yields a special
    id: what looks like a special token is encoded letter by letter.

    Attributes:
        kind: str. Key in `TOKENIZERS`.
        token_bytes: list of bytes, one an id: what the id stands for, b"" for special tokens.
        end_of_text: int. The id that separates documents.
    """

    kind: str

    def __init__(self, token_bytes: list[bytes], end_of_text: int):
        self.token_bytes = token_bytes
        self.end_of_text = end_of_text

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return len(self.token_bytes)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that decides the ids; equal fingerprints mean equal ids."""
        digest = hashlib.sha256()
        for name, content in sorted(self._all_files().items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)
        return digest.hexdigest()

    def encode_batch(self, texts: Iterable[str | bytes]) -> list[list[int]]:
        """The ids of each text, without end-of-text; bytes that are not UTF-8 become U+FFFD."""
        return self._encode([as_text(text) for text in texts])

    def decode_batch(self, ids: Iterable[Iterable[int]]) -> list[str]:
        """The text of each list of ids; special ids are left out, broken characters are U+FFFD."""
        piece = self.token_bytes.__getitem__
        return [b"".join(map(piece, row)).decode("utf-8", "replace") for row in ids]

    def safe_split(self, text: bytes, near: int) -> int:
        """The largest place <= near where text may be cut without changing its ids.

        Where there is none, a border of characters, so that no character is torn apart.

        Args:
            text: UTF-8 bytes, valid or not.
            near: int >= 4.

        Returns:
            int in [1, near], or the length of a shorter text.
        """
        if near < 4:
            raise ValueError(f"`near` must be at least 4. Received: near={near}")
        if near >= len(text):
            return len(text)
        for cut in range(near, near - 4, -1):
            if text[cut] & 0xC0 != 0x80:
                return cut
        return near  # a fourth continuation byte in a row belongs to no character

    def save(self, folder) -> None:
        """Writes the tokenizer to a new folder: aside first, then renamed.

        Raises:
            UsageError: if the folder exists and holds anything but this tokenizer.
        """
        folders.write(folder, self._all_files())

    @classmethod
    def load(cls, folder) -> "Tokenizer":
        """Reads a folder that `save` wrote.

        Raises:
            UsageError: if the folder is missing, broken, or of another kind.
        """
        kind = folders.kind_of(folder)
        if kind != cls.kind:
            raise folders.broken(folder, f"holds a {kind} tokenizer", f"Asked for: {cls.kind}.")
        return cls._read(folder, folders.read_header(folder)["special_tokens"])

    @classmethod
    @abc.abstractmethod
    def train(
        cls,
        documents: Iterable[str | bytes],
        vocabulary_size: int,
        progress: Callable[[int], None] | None = None,
    ) -> "Tokenizer":
        """Makes a tokenizer from documents, read once; `progress` gets the bytes so far."""

    @abc.abstractmethod
    def graph(self):
        """The tokenizer as TensorFlow ops: a `tfzoo.tokenizers.graph.TokenizerGraph`."""

    @abc.abstractmethod
    def _encode(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text, which is valid Unicode."""

    @abc.abstractmethod
    def _files(self) -> dict[str, bytes]:
        """The kind's own files, name to content; the same for tokenizers that are the same."""

    @classmethod
    @abc.abstractmethod
    def _read(cls, folder, special_tokens: dict[str, str]) -> "Tokenizer":
        """The tokenizer whose `_files` are in the folder."""

    def _special_tokens(self) -> dict[str, str]:
        return {"end_of_text": END_OF_TEXT}

    def _all_files(self) -> dict[str, bytes]:
        return self._files() | {folders.HEADER: folders.header(self.kind, self._special_tokens())}


def count_bytes(documents: Iterable[str | bytes], progress) -> Iterable[str]:
    """The documents as valid text, telling `progress` the bytes that went by."""
    read = 0
    for document in documents:
        text = as_text(document)
        yield text
        read += len(document)
        if progress is not None:
            progress(read)
