"""A 5-gram model of bytes, the yardstick of a language model: what counting alone can predict.

Interpolated Kneser-Ney smoothing with three discounts an order (Chen and Goodman, 1999,
doi:10.1006/csla.1999.0128, section 3; Kneser and Ney, 1995). Symbols are the 256 bytes
and end-of-text. For a context h and a symbol w,

    p(w | h) = (c(hw) - D(c(hw))) / sum_v c(hv)  +  g(h) p(w | h without its first symbol),

where g(h) is what the discounts took away. c counts occurrences at the highest order, and below it
the different symbols seen before hw. The recursion ends at the uniform distribution.
"""

import dataclasses

import numpy as np

from tfzoo.data import TokenStore

ORDER = 5
END_OF_TEXT = 256
NUM_SYMBOLS = 257
BITS = 9  # of a symbol in an n-gram's code, whose last symbol is in the lowest bits
# Counting takes about 26 bytes of memory for a byte of text: with this many, 0.9 GB.
MAX_BYTES = 32 << 20
NUM_STRETCHES = 64
STRETCH_TOKENS = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Level:
    """One order: the n-grams seen, and the contexts they were seen in, both sorted.

    Attributes:
        ngrams: uint64 (n,), codes.
        shares: float64 (n,), discounted count over the context's count.
        contexts: uint64 (m,), codes.
        left_over: float64 (m,), what a context leaves to the order below.
    """

    ngrams: np.ndarray
    shares: np.ndarray
    contexts: np.ndarray
    left_over: np.ndarray


class ByteNGram:
    """Counts n-grams of symbols once, then gives probabilities.

    Args:
        symbols: uint16 (n,), n > 0: bytes and end-of-texts (256).
        order: int, 1..7. Longest n-gram.
    """

    def __init__(self, symbols: np.ndarray, order: int = ORDER):
        self.order = order
        ngrams, counts = _counted(_ngrams(symbols, order))
        self._levels = [_level(ngrams, counts)]
        for length in range(order - 1, 0, -1):
            ngrams, counts = _counted(ngrams & _mask(length))
            self._levels.insert(0, _level(ngrams, counts))

    def bits(self, symbols: np.ndarray, num_given: int = 1) -> float:
        """Bits to encode `symbols` (uint16) from place `num_given` on, each after those before."""
        ngrams, counts = _counted(_ngrams(symbols, self.order)[num_given:])
        return float(-counts @ np.log2(self.probabilities(ngrams)))

    def probabilities(self, ngrams: np.ndarray) -> np.ndarray:
        """p(last symbol | the symbols before it), float64 (n,), of n-gram codes, uint64 (n,)."""
        result = np.full(len(ngrams), 1 / NUM_SYMBOLS)
        for length, level in enumerate(self._levels, start=1):
            shorter = ngrams & _mask(length)
            share = _looked_up(level.ngrams, level.shares, shorter, 0.0)
            left_over = _looked_up(level.contexts, level.left_over, shorter >> np.uint64(BITS), 1.0)
            result = share + left_over * result
        return result


def bits_per_byte(
    train: TokenStore, validation: TokenStore, tokenizer, *, max_bytes: int = MAX_BYTES
) -> float:
    """Bits per byte of the validation text under a byte 5-gram counted on the training text.

    End-of-texts are predicted too, and their bits counted, as a language model's are.

    Args:
        train: tokens to count; of a text longer than `max_bytes`, 64 stretches at even
            distances that have about that length together.
        validation: tokens to score.
        tokenizer: the tokenizer of both.
        max_bytes: bounds the memory.

    Returns:
        float, bits over bytes of the validation text.
    """
    spelling = _Spelling(tokenizer)
    model = ByteNGram(np.concatenate(list(spelling.sample(train, max_bytes))))
    bits, num_bytes, given = 0.0, 0, np.array([END_OF_TEXT], np.uint16)
    for symbols in spelling.stretches(validation, 1, validation.num_tokens):
        bits += model.bits(np.concatenate([given, symbols]), num_given=len(given))
        num_bytes += np.count_nonzero(symbols != END_OF_TEXT)
        given = symbols[-ORDER:]
    return bits / num_bytes


class _Spelling:
    """From ids to the symbols they stand for. Special ids other than end-of-text stand for none."""

    def __init__(self, tokenizer):
        spelt = [np.frombuffer(piece, np.uint8) for piece in tokenizer.token_bytes]
        spelt[tokenizer.end_of_text] = np.array([END_OF_TEXT])
        self._symbols = np.concatenate(spelt).astype(np.uint16)
        self._lengths = np.array([len(symbols) for symbols in spelt])
        self._starts = np.cumsum(self._lengths) - self._lengths

    def sample(self, store: TokenStore, max_bytes: int):
        """Stretches of symbols of the store, about `max_bytes` in all."""
        if store.num_bytes <= max_bytes:
            yield from self.stretches(store, 0, store.num_tokens)
            return
        length = int(store.num_tokens * max_bytes / store.num_bytes / NUM_STRETCHES)
        for start in np.linspace(0, store.num_tokens - length, NUM_STRETCHES).astype(int):
            yield from self.stretches(store, start, start + length)

    def stretches(self, store: TokenStore, start: int, stop: int):
        """The symbols of the store's tokens from `start` to `stop`, a bounded number at a time."""
        for first in range(start, stop, STRETCH_TOKENS):
            ids = store.read(first, min(stop, first + STRETCH_TOKENS))
            lengths = self._lengths[ids]
            ends = np.cumsum(lengths)
            shifts = np.repeat(self._starts[ids] - ends + lengths, lengths)
            yield self._symbols[shifts + np.arange(len(shifts))]


def _mask(length: int) -> np.uint64:
    return np.uint64((1 << BITS * length) - 1)


def _ngrams(symbols: np.ndarray, order: int) -> np.ndarray:
    """uint64 (n,): for each place, the code of its symbol and the order - 1 before it.

    Before the first symbol there are end-of-texts.
    """
    padded = np.concatenate([np.full(order - 1, END_OF_TEXT), symbols]).astype(np.uint64)
    codes = np.zeros(len(symbols), np.uint64)
    for first in range(order):
        codes = codes << np.uint64(BITS) | padded[first : first + len(symbols)]
    return codes


def _counted(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different codes, sorted, and how often each comes."""
    codes = np.sort(codes)
    firsts = _firsts(codes)
    return codes[firsts], np.diff(firsts, append=len(codes))


def _firsts(codes: np.ndarray) -> np.ndarray:
    """Where a new code begins in sorted codes."""
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))


def _level(ngrams: np.ndarray, counts: np.ndarray) -> _Level:
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    contexts = ngrams >> np.uint64(BITS)
    firsts = _firsts(contexts)
    totals = np.add.reduceat(counts, firsts)
    of_ngram = np.repeat(totals, np.diff(firsts, append=len(counts)))
    return _Level(
        ngrams=ngrams,
        shares=(counts - discounts) / of_ngram,
        contexts=contexts[firsts],
        left_over=np.add.reduceat(discounts, firsts) / totals,
    )


def _discounts(counts: np.ndarray) -> np.ndarray:
    """float64 (4,): what is taken from a count of 0, 1, 2 and 3 or more (eq. 26).

    1/2 from all where the text is too small to tell, and from those whose estimate is not positive:
    with nothing left over, a symbol that is new after a context would have no probability.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=5).astype(float)
    if not n[1:5].all():
        return np.array([0.0, 0.5, 0.5, 0.5])
    share = n[1] / (n[1] + 2 * n[2])
    found = np.array([k - (k + 1) * share * n[k + 1] / n[k] for k in (1, 2, 3)])
    return np.array([0.0, *np.minimum(np.where(found > 0.0, found, 0.5), [0.99, 1.99, 2.99])])


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, missing: float):
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], missing)
