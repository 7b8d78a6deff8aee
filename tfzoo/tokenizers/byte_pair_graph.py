"""Byte-level BPE as TensorFlow ops: words by arithmetic on code points, merges by SentencePiece.

GPT-2 cuts text into words by the regular expression

    's|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+

whose look-ahead and whose tables of letters and numbers TensorFlow's regular expressions do not
have. So the places where words start are computed from each character's class and its neighbours',
with the classes that the fast face's own engine tells. The words' bytes, as GPT-2's byte
characters, then go through SentencePiece's BPE with a model made of the merges.
"""

import functools
import itertools

import tensorflow as tf
import tokenizers as hf

from tfzoo.tokenizers import every_character, wire
from tfzoo.tokenizers import merges as merge_files
from tfzoo.tokenizers.graph import TokenizerGraph, byte_values, repair_utf8
from tfzoo.tokenizers.piece_model import BPE, CONTROL, UNKNOWN, Piece, PieceModel
from tfzoo.tokenizers.ragged import row_ids
from tfzoo.tokenizers.sentence_piece_graph import named_apart

_OTHER, _LETTER, _NUMBER, _SPACE = range(4)
_PATTERNS = {_LETTER: r"\p{L}", _NUMBER: r"\p{N}", _SPACE: r"\s"}


class BytePairGraph(TokenizerGraph):
    """The graph face of a `BytePairTokenizer`; exact on every string.

    Args:
        tokenizer: `BytePairTokenizer`.
        digits_apart: bool. Whether text is first cut on both sides of each digit (SmolLM's is).
    """

    def __init__(self, tokenizer, digits_apart: bool = False):
        super().__init__(tokenizer.token_bytes)
        model = _sentencepiece_model(tokenizer.vocabulary, tokenizer.merges)
        self.merges = named_apart(model)
        starts, classes = character_classes()
        self.class_starts = tf.constant(starts, tf.int32)
        self.classes = tf.constant(classes, tf.int32)
        self.digits = tf.constant(digits(), tf.int32) if digits_apart else None
        self.byte_characters = tf.constant([ord(c) for c in merge_files.BYTE_CHARACTERS], tf.int32)

    def _tokenize(self, strings):
        words = self._words(repair_utf8(strings))
        different, places = tf.unique(words.values)  # merging is slow, and words repeat
        ids = tf.gather(self.merges.tokenize(different), places)
        return words.with_values(ids).merge_dims(1, 2)

    def _words(self, strings):
        """The words of valid strings [b], in byte characters: ragged strings [b, None]."""
        codes, offsets = tf.strings.unicode_decode_with_offsets(strings, "UTF-8")
        bytes_ = byte_values(strings)
        classes = tf.gather(
            self.classes, tf.searchsorted(self.class_starts, codes.values, side="right") - 1
        )
        starts = tf.where(word_starts(self._segments(codes), classes))[:, 0]
        first_bytes = tf.gather(bytes_.row_starts(), row_ids(codes)) + offsets.values
        words = tf.RaggedTensor.from_row_splits(
            tf.gather(self.byte_characters, bytes_.values),
            tf.concat([tf.gather(first_bytes, starts), bytes_.row_splits[-1:]], axis=0),
            validate=False,
        )
        return tf.RaggedTensor.from_row_splits(
            tf.strings.unicode_encode(words, "UTF-8"),
            tf.searchsorted(starts, codes.row_splits, out_type=tf.int64),
            validate=False,
        )

    def _segments(self, codes):
        """The code points in the rows that words are looked for in."""
        if self.digits is None:
            return codes
        place = tf.searchsorted(self.digits, codes.values)
        nearest = tf.gather(self.digits, tf.minimum(place, tf.size(self.digits) - 1))
        is_digit, row = nearest == codes.values, row_ids(codes)
        cut = is_digit | _shift(is_digit) | (row != tf.roll(row, 1, 0))
        cut = tf.concat([[True], cut[1:]], 0)[: tf.size(row)]
        return tf.RaggedTensor.from_row_starts(codes.values, tf.where(cut)[:, 0], validate=False)


def word_starts(codes, classes):
    """Where the words start, bool [n], of n code points in ragged rows [b, None].

    Args:
        codes: ragged int32 [b, None], n values. The code points.
        classes: int32 [n]. Letter, number, white space or other.
    """
    row = row_ids(codes)
    place = tf.range(tf.size(row, tf.int64))
    first = place == tf.gather(codes.row_starts(), row)
    last = place == tf.gather(codes.row_limits(), row) - 1
    code = codes.values
    next_code = tf.where(last, -1, tf.roll(code, -1, 0))
    after_next = tf.where(last, -1, tf.roll(next_code, -1, 0))

    # Runs of one class; the last white space before a word stands alone, or joins it as a space.
    starts = first | (classes != tf.roll(classes, 1, 0))
    before_word = (classes == _SPACE) & ~last & (tf.roll(classes, -1, 0) != _SPACE)
    joined = _shift(before_word & (code == ord(" ")))
    starts = (starts | before_word) & ~joined

    # Contractions, where an apostrophe starts a word.
    apostrophe = starts & (code == ord("'"))
    short = apostrophe & _any_of(next_code, "stmd")
    long = apostrophe & (
        (_any_of(next_code, "rv") & _any_of(after_next, "e"))
        | (_any_of(next_code, "l") & _any_of(after_next, "l"))
    )
    starts &= ~_shift(short | long)
    return starts | _shift(_shift(short | _shift(long)))


def _any_of(codes, characters):
    return functools.reduce(tf.logical_or, [codes == ord(c) for c in characters])


def _shift(flags):
    """Each flag one place on; the last flags of rows are False, so none wraps around."""
    return tf.roll(flags, 1, 0)


@functools.cache
def character_classes():
    """The class of every code point, as the fast face's regular expressions see it.

    Returns:
        starts: int [k]. The first code point of each range, starting with 0.
        classes: int [k]. The class of each range.
    """
    runs = hf.Regex("|".join(f"{pattern}+" for pattern in _PATTERNS.values()))
    firsts = [piece[0] for piece in _pieces(hf.pre_tokenizers.Split(runs, "isolated"))]
    class_of = dict.fromkeys(firsts, _OTHER) | {
        first: which
        for which, pattern in _PATTERNS.items()
        for first in _matches(pattern, "".join(firsts))
    }
    ranges = [next(same) for _, same in itertools.groupby(firsts, class_of.get)]
    return [ord(first) for first in ranges], [class_of[first] for first in ranges]


@functools.cache
def digits() -> list[int]:
    """The code points that the fast face's engine takes for digits, in order."""
    split = hf.pre_tokenizers.Digits(individual_digits=True)
    alone = [piece for piece in _pieces(split) if len(piece) == 1]
    # No letter stands alone.
    pieces = split.pre_tokenize_str("".join("a" + character for character in alone))
    return sorted(ord(piece) for piece, _ in pieces if len(piece) == 1 and piece != "a")


def _pieces(splitter):
    """What every character is cut into, block by block."""
    return [
        piece for block in every_character.blocks() for piece, _ in splitter.pre_tokenize_str(block)
    ]


def _matches(pattern, text):
    keep = hf.pre_tokenizers.Split(hf.Regex(pattern), "removed", invert=True)
    return [piece for piece, _ in keep.pre_tokenize_str(text)]


def _sentencepiece_model(vocabulary, merges) -> bytes:
    """A SentencePiece BPE model that merges as the ranks say.

    SentencePiece joins any two neighbours that make a known piece, where GPT-2 joins listed pairs
    only. The two agree when just those tokens are pieces that their own bytes yield, each with the
    rank of the merge that completes it: two neighbours that would make such a token are then the
    pair of that very merge.
    """
    ranks = merge_files.final_ranks(vocabulary, merges)
    ranks |= dict.fromkeys(merge_files.BYTE_CHARACTERS, 0)
    pieces = [
        Piece(token, -ranks[token]) if token in ranks else Piece(token, kind=CONTROL)
        for token in sorted(vocabulary, key=vocabulary.get)
    ]
    pieces.append(Piece("\u2047", kind=UNKNOWN))  # it wants one; no byte character is unknown
    trainer = wire.field(2, wire.number_field(3, BPE))
    off = (wire.number_field(number, 0) for number in (3, 4, 5))
    normalizer = wire.field(3, b"".join(off))  # leave spaces alone
    return PieceModel(pieces=pieces, rest=trainer + normalizer).to_bytes()
