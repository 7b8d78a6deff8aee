"""WordPiece as TensorFlow ops: BERT's words by tables of characters, pieces by TF Text's WordPiece.

TensorFlow's lower-casing and normal forms follow another Unicode than the fast face and other
rules. So what becomes of each character is asked of the fast face's own engine and kept in a table;
what depends on the neighbours, the order of marks that follow one another, is computed.
"""

import tensorflow as tf
from tensorflow_text import FastWordpieceTokenizer

from tfzoo.tokenizers import word_piece_characters as characters
from tfzoo.tokenizers.graph import TokenizerGraph, repair_utf8
from tfzoo.tokenizers.ragged import picked, row_ids
from tfzoo.tokenizers.word_piece import CONTINUED, LONGEST_WORD


class WordPieceGraph(TokenizerGraph):
    """The graph face of a `WordPieceTokenizer`; exact on every string."""

    def __init__(self, tokenizer):
        super().__init__(tokenizer.token_bytes)
        self.first_bytes = tf.constant(tokenizer.first_bytes, tf.string)
        self.unknown = tf.constant(tokenizer.special("unknown"), tf.int32)
        tokens = tokenizer.reachable_tokens()
        self.pieces = FastWordpieceTokenizer(
            vocab=tokens,
            suffix_indicator=CONTINUED,
            max_bytes_per_word=4 * LONGEST_WORD,
            token_out_type=tf.int32,
            unknown_token=tokens[tokenizer.special("unknown")],
            no_pretokenization=True,
        )
        strips = tokenizer.lowercase if tokenizer.strip_accents is None else tokenizer.strip_accents
        which, codes, splits = characters.replacements(tokenizer.lowercase, strips)
        self.replacement_of = _Ranges(which)
        self.replacements = tf.RaggedTensor.from_row_splits(codes, splits)
        self.class_of = _Ranges(characters.classes(tokenizer.split_chinese))
        self.rank_of = _Ranges(characters.ranks()) if strips else None

    def _tokenize(self, strings):
        words = self._words(repair_utf8(strings))
        different, places = tf.unique(words.values)  # spelling is slow, and words repeat
        return words.with_values(tf.gather(self._spell(different), places)).merge_dims(1, 2)

    def _words(self, strings):
        """The words of valid strings [b], as BERT reads them: ragged strings [b, None]."""
        codes, row = self._normalized(strings)
        classes = self.class_of(codes)
        first = tf.concat([[True], row[1:] != row[:-1]], 0)[: tf.size(row)]
        after_letter = tf.roll(classes, 1, 0) == characters.LETTER
        starts = (classes == characters.ALONE) | first | ~after_letter
        kept = classes != characters.SPACE
        codes, row, starts = (tf.boolean_mask(x, kept) for x in (codes, row, starts))
        starts = tf.where(starts)[:, 0]
        words = tf.RaggedTensor.from_row_starts(codes, starts, validate=False)
        return tf.RaggedTensor.from_value_rowids(
            tf.strings.unicode_encode(words, "UTF-8"),
            tf.gather(row, starts),
            nrows=tf.size(strings, tf.int64),
            validate=False,
        )

    def _normalized(self, strings):
        """The code points that BERT's normalizer leaves, int32 [n], and the row of each."""
        codes = tf.strings.unicode_decode(strings, "UTF-8")
        becomes = tf.gather(self.replacements, self.replacement_of(codes.values))
        origin = row_ids(becomes)
        is_same = becomes.values == characters.SAME
        row = tf.gather(row_ids(codes), origin)
        codes = tf.where(is_same, tf.gather(codes.values, origin), becomes.values)
        if self.rank_of is None:
            return codes, row
        codes = _in_order(codes, self.rank_of(codes), row)
        kept = codes != characters.STARTER
        return tf.boolean_mask(codes, kept), tf.boolean_mask(row, kept)

    def _spell(self, words):
        """The ids of different words [n], ragged int32 [n, None]."""
        is_long = tf.strings.length(words, unit="UTF8_CHAR") > LONGEST_WORD
        spelt = self.pieces.tokenize(tf.where(is_long, "", words))
        num_long = tf.math.count_nonzero(is_long)
        unknown = tf.RaggedTensor.from_row_lengths(
            tf.fill([num_long], self.unknown), tf.cast(is_long, tf.int64), validate=False
        )
        return tf.concat([spelt, unknown], axis=1)

    def _detokenize(self, ids):
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.RaggedTensor.from_tensor(ids)
        ids = picked(ids, self._spelt(ids.values) != "")
        row = row_ids(ids)
        first = tf.concat([[True], row[1:] != row[:-1]], 0)
        pieces = tf.where(
            first[: tf.size(row)],
            tf.gather(self.first_bytes, ids.values),
            tf.gather(self.token_bytes, ids.values),
        )
        return tf.strings.reduce_join(ids.with_values(pieces), axis=-1)


class _Ranges(tf.Module):
    """A value for each code point, looked up by the ranges that share one.

    Args:
        values: int array, one a code point.
    """

    def __init__(self, values):
        super().__init__()
        starts = characters.starts_of_runs(values)
        self.starts = tf.constant(starts, tf.int32)
        self.values = tf.constant(values[starts], tf.int32)

    def __call__(self, codes):
        return tf.gather(self.values, tf.searchsorted(self.starts, codes, side="right") - 1)


def _in_order(codes, ranks, row):
    """The code points with marks in the canonical order of Unicode: by rank, within each run.

    Args:
        codes: int32 [n].
        ranks: int32 [n]. 0 for what no mark is moved over.
        row: int64 [n]. Runs end with rows.

    Returns:
        int32 [n].
    """
    marks = tf.where(ranks > 0)
    run = tf.cumsum(tf.cast(ranks == 0, tf.int64)) + row
    key = run * (characters.MOST_RANKS + 1) + tf.cast(ranks, tf.int64)
    order = tf.argsort(tf.gather(key, marks[:, 0]), stable=True)
    ordered = tf.gather(tf.gather(codes, marks[:, 0]), order)
    return tf.tensor_scatter_nd_update(codes, marks, ordered)
