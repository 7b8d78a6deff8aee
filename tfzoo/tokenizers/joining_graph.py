"""`joining.join` as TensorFlow ops, over a batch."""

import tensorflow as tf

from tfzoo.tokenizers import joining
from tfzoo.tokenizers.ragged import picked, row_ids


def join(layout, special_ids, first, second=None, max_length=None) -> joining.Joined:
    """What `joining.join` gives for each row, and so what `Tokenizer.join` gives.

    Args:
        layout: `joining.Layout`.
        special_ids: dict from role to id; it has the layout's roles.
        first: ragged int32 [b, None], as `TokenizerGraph.tokenize` gives.
        second: the same, or None.
        max_length: int, or None for no limit.

    Returns:
        `Joined` of two ragged int32 [b, None].

    Raises:
        ValueError: if `max_length` has no room for the special tokens.
    """
    before, between, after = (
        _repeated([special_ids[role] for role in roles], first.nrows())
        for roles in (layout.before, layout.between, layout.after)
    )
    if max_length is not None:
        first, second = _cut(first, second, joining.room(layout, second is not None, max_length))
    if second is None:
        token_ids = tf.concat([before, first, after], axis=1)
        return joining.Joined(token_ids, tf.zeros_like(token_ids))
    head, tail = tf.concat([before, first, between], axis=1), tf.concat([second, after], axis=1)
    segments = [tf.zeros_like(head), tf.ones_like(tail) * layout.second_segment]
    return joining.Joined(tf.concat([head, tail], axis=1), tf.concat(segments, axis=1))


def _repeated(ids, num_rows):
    return tf.RaggedTensor.from_tensor(tf.tile(tf.constant([ids], tf.int32), [num_rows, 1]))


def _cut(first, second, room):
    if second is None:
        return _first_of(first, tf.fill([first.nrows()], tf.constant(room, tf.int64))), None
    spare = room - first.row_lengths()
    second = _first_of(second, tf.maximum(spare, room // 2))
    return _first_of(first, room - second.row_lengths()), second


def _first_of(ids, counts):
    """The first ids of each row, as many as `counts`, int64 [b], says."""
    place = tf.ragged.range(ids.row_lengths()).values
    return picked(ids, place < tf.gather(counts, row_ids(ids)))
