"""Masked words: which tokens a model must guess, and what it reads in their places.

t tokens a row, p tokens to guess, v vocabulary.
"""

import dataclasses
import functools

import numpy as np

MASKED, UNCHANGED = 0.8, 0.1  # Shares of the guessed tokens; the rest become any token.


@dataclasses.dataclass(frozen=True)
class Masking:
    """Masks rows as in BERT (Devlin et al., 2019, arXiv:1810.04805, section 3.1 and appendix A.1).

    Of the tokens to guess, 80 % are read as the mask, 10 % as any ordinary token, 10 % as they are.

    Attributes:
        mask: int, the id that hides a token.
        is_special: bool (v,), True at ids that are never guessed.
        word_starts: bool (v,), True at ids that begin a word. Words are guessed whole; in a row of
            too long words alone, the first tokens of one.
        probability: float in (0, 1), share of the tokens to guess.
    """

    mask: int
    is_special: np.ndarray
    word_starts: np.ndarray
    probability: float

    @classmethod
    def of(cls, tokenizer, probability: float, *, whole_words: bool) -> "Masking":
        """The masking of a tokenizer's rows.

        Args:
            tokenizer: Tokenizer.
            probability: float in (0, 1).
            whole_words: bool. Whether all tokens of a word are guessed together.

        Raises:
            UsageError: if the tokenizer has no mask.
        """
        is_special = np.zeros(tokenizer.vocabulary_size, bool)
        is_special[[*tokenizer.special_ids.values(), *tokenizer.sentinels]] = True
        starts = tokenizer.word_starts if whole_words else np.ones_like(is_special)
        return cls(tokenizer.special("mask"), is_special, starts, probability)

    def num_guesses(self, length: int) -> int:
        """The most tokens of a row that are guessed, p."""
        return max(1, round(self.probability * length))

    def mask_row(self, token_ids: np.ndarray, generator: np.random.Generator) -> dict:
        """Masks a row.

        Args:
            token_ids: int (t,).
            generator: decides what is masked.

        Returns:
            dict of token_ids int32 (t,), what the model reads; positions int32 (p,), in order,
            of the tokens to guess; targets int32 (p,), what they were; weights float32 (p,), 1,
            or 0 where there are fewer.
        """
        places = self._places(token_ids, generator)
        size = self.num_guesses(len(token_ids))
        return {
            "token_ids": self._masked(token_ids, places, generator),
            "positions": _filled(places, size),
            "targets": _filled(token_ids[places], size),
            "weights": _filled(np.ones(len(places)), size, np.float32),
        }

    @functools.cached_property
    def _ordinary(self):
        return np.flatnonzero(~self.is_special)

    def _places(self, token_ids, generator):
        """The tokens of words in random order, leaving out words that would be too many."""
        may_guess = ~self.is_special[token_ids]
        if not may_guess.any():
            return np.zeros(0, np.int64)
        after_special = np.append(True, ~may_guess[:-1])
        starts = may_guess & (self.word_starts[token_ids] | after_special)
        word = np.where(may_guess, np.cumsum(starts) - 1, -1)
        sizes = np.bincount(word[may_guess])
        left, chosen = self.num_guesses(may_guess.sum()), []
        order = generator.permutation(len(sizes))
        for i in order:
            if sizes[i] <= left:
                chosen.append(i)
                left -= sizes[i]
            if not left:
                break
        if not chosen:
            return np.flatnonzero(word == order[0])[:left]
        return np.flatnonzero(np.isin(word, chosen))

    def _masked(self, token_ids, places, generator):
        fate = generator.random(len(places))
        others = generator.choice(self._ordinary, len(places))
        unmasked = np.where(fate < MASKED + UNCHANGED, token_ids[places], others)
        read = np.array(token_ids, np.int32)
        read[places] = np.where(fate < MASKED, self.mask, unmasked)
        return read


def _filled(values, size, dtype=np.int32):
    """The values, then zeros up to `size`."""
    return np.append(values, np.zeros(size - len(values))).astype(dtype)
