"""Texts as rows that a model reads: special tokens around them, cut and padded; in the graph.

What `tokenizers.joining` does in Python. Shape letters: b row, t token.
"""

from typing import NamedTuple

import tensorflow as tf

from tfzoo.tasks.padding import padding_id
from tfzoo.tokenizers import joining_graph


class Rows(NamedTuple):
    """What a model reads.

    Attributes:
        token_ids: int32 (b, t).
        segment_ids: int32 (b, t).
        padding_mask: bool (b, t), True at tokens; an empty row keeps a place to read.
    """

    token_ids: tf.Tensor
    segment_ids: tf.Tensor
    padding_mask: tf.Tensor


def joined(subject, first, second=None) -> Rows:
    """One text or a pair a row, cut to the model's context as `Tokenizer.join_ids` does it.

    Args:
        subject: `Subject`.
        first: ragged int32 (b, None).
        second: ragged int32 (b, None), or None.
    """
    tokenizer = subject.tokenizer
    layout, special_ids = tokenizer.layout, tokenizer.special_ids
    rows, segments = joining_graph.join(layout, special_ids, first, second, subject.context)
    return side_by_side(subject, rows, segments)


def repeated(ids, rows):
    """The same ids for each of the rows, int32 (b, len(ids))."""
    return tf.tile(tf.constant([ids], tf.int32, [1, len(ids)]), [rows.nrows(), 1])


def lengths(rows):
    """int32 (b,), of ragged rows."""
    return tf.cast(rows.row_lengths(), tf.int32)


def places(rows):
    """The place of each value in its ragged row, int32 (n,)."""
    return tf.cast(tf.ragged.range(rows.row_lengths()).values, tf.int32)


def side_by_side(subject, rows, segments) -> Rows:
    """Ragged rows padded to one width, which is at least 1."""
    width = tf.reduce_max(tf.concat([lengths(rows), [1]], 0))
    return Rows(
        _dense(rows, width, padding_id(subject.tokenizer)),
        _dense(segments, width, 0),
        tf.sequence_mask(tf.maximum(lengths(rows), 1), width),
    )


def _dense(rows, width, fill):
    filled = rows.to_tensor(fill)
    return tf.pad(filled, [[0, 0], [0, width - tf.shape(filled)[1]]], constant_values=fill)
