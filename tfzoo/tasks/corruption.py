"""Span corruption: spans of a row are left out, each for a sentinel, and are what is to be said.

Raffel et al., 2020, arXiv:1910.10683, section 3.1.4; the counts and the random lengths are those of
the published code (`random_spans_noise_mask`). n tokens of text, k spans.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Corruption:
    """How spans are drawn.

    Attributes:
        noise_density: float in (0, 1), share of the tokens that are left out.
        mean_span_length: float >= 1, tokens of a span.
    """

    noise_density: float
    mean_span_length: float

    def counts(self, num_tokens: int) -> tuple[int, int]:
        """Tokens to leave out of `num_tokens` >= 2, and in how many spans."""
        num_noise = min(max(1, round(num_tokens * self.noise_density)), num_tokens - 1)
        num_spans = max(1, round(num_noise / self.mean_span_length))
        return num_noise, min(num_spans, num_noise, num_tokens - num_noise)

    def lengths(self, num_tokens: int) -> tuple[int, int]:
        """Tokens of the two sequences, their ends included, that `num_tokens` >= 2 give.

        The input has a sentinel for each span, and so have the targets before each.
        """
        num_noise, num_spans = self.counts(num_tokens)
        return num_tokens - num_noise + num_spans + 1, num_noise + num_spans + 1

    def num_tokens(self, input_length: int) -> int:
        """The most tokens of text whose input has at most `input_length` >= 3 tokens."""
        num_tokens = 2
        while self.lengths(num_tokens + 1)[0] <= input_length:
            num_tokens += 1
        return num_tokens

    def corrupt(self, token_ids, sentinels, end, generator) -> tuple[np.ndarray, np.ndarray]:
        """Leaves spans out: "a b c d e f g" gives, for one, "a b X e f Y /" and "X c d Y g /".

        Text and spans take turns, text first; all ways to cut so many tokens into so many parts
        are equally likely.

        Args:
            token_ids: int (n,), n >= 2.
            sentinels: list of int, ids X, Y, ..., at least as many as there are spans.
            end: int, id of "/".
            generator: decides which spans.

        Returns:
            int32 arrays, of the two `lengths`.
        """
        num_noise, num_spans = self.counts(len(token_ids))
        kept = _cut_randomly(len(token_ids) - num_noise, num_spans, generator)
        left_out = _cut_randomly(num_noise, num_spans, generator)
        borders = np.cumsum(np.stack([kept, left_out], 1).reshape(-1))[:-1]
        parts = np.split(np.asarray(token_ids, np.int32), borders)
        inputs, targets = [], []
        for sentinel, text, span in zip(sentinels, parts[::2], parts[1::2], strict=False):
            inputs += [text, [sentinel]]
            targets += [[sentinel], span]
        return tuple(np.concatenate([*x, [end]]).astype(np.int32) for x in (inputs, targets))


def _cut_randomly(total, num_parts, generator):
    """int (num_parts,): whole numbers > 0 whose sum is `total`, all such equally likely."""
    cuts = np.sort(generator.choice(total - 1, num_parts - 1, replace=False)) + 1
    return np.diff([0, *cuts, total])
