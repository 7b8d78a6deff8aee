"""From documents to ids, a bounded batch at a time, on all cores."""

import os
import warnings
from collections.abc import Iterable, Iterator

from tfzoo.data.split import Part

# Texts go to the tokenizer in batches, which it spreads over the cores: enough pieces for each
# core, few enough bytes for the memory (a tokenizer needs about 50 times the bytes of a batch).
PIECE_BYTES = 1 << 16
BATCH_BYTES = max(2 << 20, (os.cpu_count() or 1) * 2 * PIECE_BYTES)


def encode(parts: Iterable[Part], tokenizer, writers: dict, advance) -> None:
    """Writes the ids of each part into the writer of its use. A part without text is no document.

    Args:
        parts: what to encode, in order.
        tokenizer: its `encode_batch` and `safe_split` are used.
        writers: dict from a part's use to its `TokenStoreWriter`.
        advance: function, called with the number of bytes just written.
    """
    replaced = 0
    for batch in _batches(parts, tokenizer):
        texts = []
        for piece in (piece for _, _, piece in batch):
            text, invalid = _decoded(piece)
            texts.append(text)
            replaced += invalid
        rows = tokenizer.encode_batch(texts)
        for (use, starts, _), text, ids in zip(batch, texts, rows, strict=True):
            if starts:
                writers[use].start_document()
            writers[use].append(ids, len(text.encode()))
        advance(sum(len(piece) for _, _, piece in batch))
    if replaced:
        warnings.warn(
            f"{replaced} places in the text are not valid UTF-8; each was read as U+FFFD.",
            stacklevel=2,
        )


def _batches(parts, tokenizer) -> Iterator[list[tuple[str, bool, bytes]]]:
    """Lists of (use, whether a document starts here, bytes) with about BATCH_BYTES each."""
    batch, size = [], 0
    for part in parts:
        starts = True
        for piece in _safe_pieces(part, tokenizer):
            batch.append((part.use, starts, piece))
            starts = False
            size += len(piece)
            if size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _safe_pieces(part: Part, tokenizer) -> Iterator[bytes]:
    """The part in pieces whose ids, joined, are the ids of the whole."""
    rest = b""
    for block in part.pieces():
        block, start = rest + block, 0
        while len(block) - start > PIECE_BYTES + 8:  # the tokenizer looks beyond the cut
            window = block[start : start + PIECE_BYTES + 8]
            cut = tokenizer.safe_split(window, PIECE_BYTES)
            yield window[:cut]
            start += cut
        rest = block[start:]
    if rest:
        yield rest


def _decoded(piece: bytes) -> tuple[str, int]:
    """The text, and how many U+FFFD stand in it for invalid bytes."""
    try:
        return piece.decode("utf-8"), 0
    except UnicodeDecodeError:
        text = piece.decode("utf-8", "replace")
        return text, text.count("\ufffd") - piece.count("\ufffd".encode())
