"""What every tokenizer is: an exact map from text to ids and back, in Python and in the graph."""

import abc
import functools
import hashlib
from collections.abc import Callable, Iterable

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders, joining

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
    id: what looks like a special token is encoded letter by letter. The one exception is the id
    for what is unknown.

    Args:
        token_bytes: list of bytes, one an id.
        special_tokens: dict from role (`specials.ROLES`) to the token as the files write it.
        special_ids: dict from role to id.
        sentinels: list of int.
        first_bytes: list of bytes, or None for `token_bytes`. What each id stands for where a text
            starts with it: some kinds set no space there.

    Attributes:
        kind: str. Key in `TOKENIZERS`.
        is_lossless: bool. Whether decoding gives the text back, letter by letter.
        layout: `joining.Layout`. How `join` sets the special tokens around texts.
        token_bytes: list of bytes, one an id: what the id stands for, b"" for special tokens.
        first_bytes: list of bytes, one an id.
        special_tokens: dict from role to token.
        special_ids: dict from role to id; always with "end_of_text", the others where they are.
        sentinels: list of int. The ids that stand for what was left out (T5's <extra_id_0>, ...),
            in their order; empty for kinds without.
        opening: list of int. The ids that stand before a text that is to be gone on with.
        chat_template: `chat_template.ChatTemplate`, or None.
        turn_ends: set of int. The ids at any of which a reply ends, beside end-of-text.
        model_ends: tuple of int. The ids at any of which the model that it came with ends what it
            writes; () where none is told, and end-of-text does.
        model_start: int, or None. The id that this model's decoder starts with, where it is told.
    """

    kind: str
    is_lossless = True
    opening = ()
    chat_template = None
    turn_ends = frozenset()
    model_ends = ()
    model_start = None

    def __init__(
        self,
        token_bytes: list[bytes],
        special_tokens,
        special_ids,
        sentinels=(),
        first_bytes: list[bytes] | None = None,
    ):
        self.token_bytes = token_bytes
        self.first_bytes = token_bytes if first_bytes is None else first_bytes
        self.special_tokens = special_tokens
        self.special_ids = special_ids
        self.sentinels = list(sentinels)
        self.layout = (
            joining.ROBERTA if {"start", "separator"} <= special_ids.keys() else joining.PLAIN
        )

    @property
    def end_of_text(self) -> int:
        """The id that separates documents."""
        return self.special_ids["end_of_text"]

    @property
    def before_text(self) -> int:
        """The id after which a text is read: the last that opens it, else end-of-text."""
        return self.opening[-1] if self.opening else self.end_of_text

    def special(self, role: str) -> int:
        """The id of the special token that plays a role.

        Raises:
            UsageError: if the tokenizer has no token for it.
        """
        if role not in self.special_ids:
            raise UsageError(
                f"`--tokenizer` must have a token for the role of {role} here, and this one (kind "
                f"{self.kind}) has none. Use word_piece, which has all, or a new "
                f"{self.kind} made with it. Roles that this one has: {', '.join(self.special_ids)}."
            )
        return self.special_ids[role]

    @functools.cached_property
    def word_starts(self) -> np.ndarray:
        """bool [v]: whether an id begins a word: special ids do, and all ids where no words are."""
        return np.ones(self.vocabulary_size, np.bool_)

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

    @property
    def vocabulary_files(self) -> dict[str, bytes]:
        """The kind's own files, name to content, as `save` writes them beside a header."""
        return self._files()

    def encode_batch(self, texts: Iterable[str | bytes]) -> list[list[int]]:
        """The ids of each text, without end-of-text; bytes that are not UTF-8 become U+FFFD."""
        return self._encode([as_text(text) for text in texts])

    def decode_batch(self, ids: Iterable[Iterable[int]]) -> list[str]:
        """The text of each list of ids; special ids are left out, broken characters are U+FFFD."""
        return [self.spell(row).decode("utf-8", "replace") for row in ids]

    def spell(self, ids: Iterable[int], *, continued=False) -> bytes:
        """The bytes of a text, or of what goes on with one; special ids are left out.

        So are ids behind the vocabulary: a model may have spare rows.

        Args:
            ids: iterable of int.
            continued: bool. Whether text stands before it. If True, the space between the two, if
                there is one, comes first.
        """
        ids = [i for i in ids if i < self.vocabulary_size and self.token_bytes[i]]
        num_first = 0 if continued else 1
        first = map(self.first_bytes.__getitem__, ids[:num_first])
        return b"".join([*first, *map(self.token_bytes.__getitem__, ids[num_first:])])

    def join(self, first: str, second: str | None = None, max_length=None) -> joining.Joined:
        """One text or a pair as the model reads it: ids with the special ones, and their segments.

        Too long a pair loses the last tokens of the longer text first (of equals, the second).

        Args:
            first: str or UTF-8 bytes.
            second: the same, or None.
            max_length: int, or None. The most tokens that may come out, special ones included.

        Raises:
            ValueError: if `max_length` has no room for the special tokens.
        """
        texts = [first] if second is None else [first, second]
        return self.join_ids(*self.encode_batch(texts), max_length=max_length)

    def join_ids(self, first: list[int], second=None, max_length=None) -> joining.Joined:
        """`join` for texts that are ids already."""
        return joining.join(self.layout, self.special_ids, first, second, max_length)

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
    def load(cls, path) -> "Tokenizer":
        """Reads a folder that `save` wrote, or one with the files of the kind's origin.

        Args:
            path: the folder, or one of those files in it.

        Raises:
            UsageError: if the folder is missing, broken, or of another kind.
        """
        kind = folders.kind_of(path)
        if kind != cls.kind:
            raise folders.broken(path, f"holds a {kind} tokenizer", f"Asked for: {cls.kind}.")
        folder = folders.place_of(path)
        return cls._read(folder, folders.special_tokens(folder, kind))

    @classmethod
    @abc.abstractmethod
    def train(
        cls,
        documents: Iterable[str | bytes],
        vocabulary_size: int,
        progress: Callable[[int], None] | None = None,
        *,
        roles: Iterable[str] = (),
    ) -> "Tokenizer":
        """Makes a tokenizer from documents, read once; `progress` gets the bytes so far.

        Besides end-of-text there is a special token for each of `roles` (keys of `specials.ADDED`);
        kinds that have them all in any case take no notice.
        """

    @abc.abstractmethod
    def graph(self):
        """The tokenizer as TensorFlow ops: a `tfzoo.tokenizers.graph.TokenizerGraph`."""

    def check_graph(self) -> None:  # noqa: B027  Kinds of ours always can.
        """Does nothing, if the tokenizer can be exported.

        Raises:
            UsageError: with the reason, if it cannot.
        """

    @abc.abstractmethod
    def _encode(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text, which is valid Unicode."""

    @abc.abstractmethod
    def _files(self) -> dict[str, bytes]:
        """The kind's own files, name to content; the same for tokenizers that are the same."""

    @classmethod
    @abc.abstractmethod
    def _read(cls, folder, special_tokens: dict[str, str]) -> "Tokenizer":
        """The tokenizer whose `_files` are in the folder; no special tokens where no header is."""

    def _all_files(self) -> dict[str, bytes]:
        return self._files() | {folders.HEADER: folders.header(self.kind, self.special_tokens)}


def count_bytes(documents: Iterable[str | bytes], progress) -> Iterable[str]:
    """The documents as valid text, telling `progress` the bytes that went by."""
    read = 0
    for document in documents:
        text = as_text(document)
        yield text
        read += len(document)
        if progress is not None:
            progress(read)
