"""Pairs of spans of text: whether the second one follows the first, and in which order they stand.

A document of n tokens gives ceil(n / length) spans, which follow each other; row number i of all
reads span i of all. t tokens a row.
"""

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tasks.text_rows import TooLittleText

_NUMBERS = {1: "one document", 2: "two documents"}
SHORTEST = 4  # Tokens of a document that gives spans: two parts, each more than a token.
LONGEST_WORD = 16  # Tokens to look back for the start of a word.


class Spans:
    """The documents of a token store as spans of at most `length` tokens, each cut in two.

    Args:
        store: `data.TokenStore`.
        length: int, tokens of a span, which is both parts.
        word_starts: bool (v,), True at ids that begin a word: parts begin there if they can.
        num_documents: 1 or 2, how many there must be at least: `followed` needs two.

    Raises:
        TooLittleText: if there are not so many documents to take spans from.
        UsageError: if a row has no room for a pair.
    """

    def __init__(self, store, length: int, word_starts: np.ndarray, num_documents: int = 2):
        if length < SHORTEST:
            raise UsageError(
                f"A row has room for {length} tokens of text, and a pair of spans takes {SHORTEST} "
                "at least. Give a larger --sequence_length."
            )
        self.store = store
        self.length = length
        self._word_starts = word_starts
        offsets = np.asarray(store.offsets)
        sizes = np.diff(offsets) - 1
        usable = sizes >= SHORTEST
        self._starts, self._sizes = offsets[:-1][usable] + 1, sizes[usable]
        if len(self._sizes) < num_documents:
            raise TooLittleText(
                f"Pairs of spans are taken from at least {_NUMBERS[num_documents]} of "
                f"{SHORTEST} tokens or more. Received: {len(self._sizes)} of them.",
                "Give more files by --text_files, or take --task=masked_lm.",
            )
        self._spans = np.append(0, np.cumsum(-(-self._sizes // length)))  # Before each document.
        self._tokens = np.append(0, np.cumsum(self._sizes))

    def __len__(self) -> int:
        return int(self._spans[-1])

    def followed(self, span: int, generator) -> tuple[np.ndarray, np.ndarray, int]:
        """A span's first part, and what follows it or, half of the time, text of another document.

        "Next sentence prediction" (Devlin et al., 2019, arXiv:1810.04805, section 3.1), with spans
        of any extent for sentences.

        Returns:
            first, second: int arrays, at most `length` tokens together.
            label: 0 if the second follows the first, 1 if not.
        """
        document, first, second = self._cut(span, generator)
        label = int(generator.random() < 0.5)
        if label:
            second = self._elsewhere(document, len(second), generator)
        return first, second, label

    def ordered(self, span: int, generator) -> tuple[np.ndarray, np.ndarray, int]:
        """The two parts of a span, half of the time exchanged.

        "Sentence order prediction" (Lan et al., 2020, arXiv:1909.11942, section 3.1), with spans
        of any extent for sentences.

        Returns:
            first, second: int arrays, at most `length` tokens together.
            label: 0 if they stand as in the text, 1 if exchanged.
        """
        _, first, second = self._cut(span, generator)
        label = int(generator.random() < 0.5)
        return (second, first, label) if label else (first, second, label)

    def _cut(self, span, generator):
        """The document of a span, and the span's two parts, the second one from a word's start."""
        document = int(np.searchsorted(self._spans, span, "right")) - 1
        place = (span - self._spans[document]) * self.length
        place = max(0, min(place, self._sizes[document] - self.length))  # The last is whole too.
        tokens = self._read(document, place, self.length)
        starts = np.flatnonzero(self._word_starts[tokens[1:]]) + 1
        middle = generator.choice(starts if len(starts) else np.arange(1, len(tokens)))
        return document, tokens[:middle], tokens[middle:]

    def _elsewhere(self, document, length, generator):
        """As many tokens from any place of the other documents, from a word's start."""
        start, stop = self._tokens[document], self._tokens[document + 1]
        place = int(generator.integers(self._tokens[-1] - (stop - start)))
        place += (stop - start) * (place >= start)
        other = int(np.searchsorted(self._tokens, place, "right")) - 1
        place = max(0, min(place - self._tokens[other], self._sizes[other] - length))
        before = self._read(other, max(0, place - LONGEST_WORD), min(place, LONGEST_WORD) + 1)
        starts = np.flatnonzero(self._word_starts[before])
        back = len(before) - 1 - starts[-1] if len(starts) else 0
        return self._read(other, place - back, length)

    def _read(self, document, place, length):
        first = self._starts[document] + place
        last = min(first + length, self._starts[document] + self._sizes[document])
        return self.store.read(first, last).astype(np.int32)
