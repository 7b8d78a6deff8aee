"""What every source of text offers."""

import abc
import itertools
from collections.abc import Iterator

from tfzoo.data.documents import Document


class Source(abc.ABC):
    """A sequence of documents, the same each time it is read.

    Attributes:
        name: what the user called it, for messages.
        flag: the flag that named it, for messages.
        paths: the files it reads, resolved; empty if it reads none of the user's.
    """

    name: str
    flag: str = "--text_files"
    paths: tuple[str, ...] = ()

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the documents change."""

    @property
    @abc.abstractmethod
    def total_bytes(self) -> int | None:
        """About how many bytes of text there are, or None when only reading tells."""

    @abc.abstractmethod
    def documents(self) -> Iterator[Document]:
        """The documents, in a fixed order.

        Raises:
            UsageError: if one of them cannot be read.
        """

    def has_at_least(self, count: int) -> bool:
        """Whether there are `count` documents or more; reads no further than that."""
        return sum(1 for _ in itertools.islice(self.documents(), count)) == count
