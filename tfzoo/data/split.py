"""Which text is for training and which for validation, whatever the tokenizer and the seed."""

import dataclasses
from collections.abc import Iterable, Iterator
from fractions import Fraction

from tfzoo.data.documents import Document
from tfzoo.data.source import Source
from tfzoo.errors import UsageError

WHOLE_DOCUMENTS_FROM = 20
SAMPLE_BYTES = 200 << 20

TRAIN, VALIDATION = "train", "validation"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A document, or its head or tail, and what it is for.

    Attributes:
        use: TRAIN or VALIDATION.
        document: where it is read.
        start: first byte.
        stop: byte after the last, None for the document's end.
    """

    use: str
    document: Document
    start: int = 0
    stop: int | None = None

    def pieces(self) -> Iterator[bytes]:
        """Its bytes in order, about 1 MB at a time."""
        return self.document.pieces(self.start, self.stop)


def split(source: Source, validation_fraction: float) -> Iterator[Part]:
    """Gives each byte of the source to training or to validation.

    With at least 20 documents, whole ones are held out, evenly spread: for 0.1 the
    5th, the 15th, the 25th and so on. With fewer, the last bytes of each document
    are, from the white space before that place on. Validation bytes do not depend
    on the tokenizer, so bits per byte can be compared between tokenizers.

    Args:
        source: the text.
        validation_fraction: share of the documents or bytes, in (0, 1); 0 holds
            out nothing.

    Returns:
        The parts, in the order of the source.

    Raises:
        UsageError: if the fraction is out of range.
    """
    if not 0 <= validation_fraction < 1:
        raise UsageError(
            f"--validation_fraction must be in (0, 1). Received: {validation_fraction}."
        )
    share = Fraction(str(validation_fraction))
    if not share:
        return (Part(use=TRAIN, document=document) for document in source.documents())
    if source.has_at_least(WHOLE_DOCUMENTS_FROM):
        return _whole_documents(source, share)
    return _tails(source, share)


def training_documents(
    source: Source, validation_fraction: float, max_bytes: int = SAMPLE_BYTES
) -> Iterator[bytes]:
    """Text to learn a vocabulary from: the training text, or a sample spread over all of it.

    Args:
        source: the text.
        validation_fraction: as in `split`, whose validation text is left out; 0
            if the validation text comes from elsewhere.
        max_bytes: largest sum of what is returned. If the source is larger, pieces
            (or rows) at even distances are taken.

    Returns:
        Pieces of UTF-8 text, cut at white space, up to about 1 MB each.
    """
    parts = (part for part in split(source, validation_fraction) if part.use != VALIDATION)
    pieces = (piece for part in parts for piece in part.pieces())
    return sample(pieces, source.total_bytes, max_bytes)


def sample(pieces: Iterable[bytes], total_bytes: int | None, max_bytes: int) -> Iterator[bytes]:
    """All pieces, if they are no more than `max_bytes`; else some of them, at even distances.

    Args:
        pieces: text, of about `total_bytes` (None: of little).
        total_bytes: int or None.
        max_bytes: largest sum of what is returned.
    """
    share = min(1.0, max_bytes / max(1, total_bytes or 1))
    seen = taken = 0
    for piece in pieces:
        if taken <= share * seen or share == 1.0:
            if taken + len(piece) > max_bytes:
                return
            taken += len(piece)
            yield piece
        seen += len(piece)


def _whole_documents(source: Source, share: Fraction) -> Iterator[Part]:
    held_out = 0
    for number, document in enumerate(source.documents(), start=1):
        due = (2 * number * share.numerator + share.denominator) // (2 * share.denominator)
        yield Part(use=VALIDATION if due > held_out else TRAIN, document=document)
        held_out = due


def _tails(source: Source, share: Fraction) -> Iterator[Part]:
    for document in source.documents():
        cut = document.border_before(int(document.num_bytes() * (1 - share)))
        yield Part(use=TRAIN, document=document, stop=cut)
        yield Part(use=VALIDATION, document=document, start=cut)
