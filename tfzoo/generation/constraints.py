"""What may not be written, and what is made less likely, whatever the way of choosing.

Shape letters: b row, c column of what is read and written, v vocabulary.
"""

from typing import NamedTuple

import tensorflow as tf

from tfzoo.generation.ends import all_ends

BARRED = -1e9


class Constraints(NamedTuple):
    """What holds for each row. A value that makes no sense switches its own constraint off.

    Attributes:
        repetition_penalty: float32 (b,). Logits of the tokens that stand in the prompt or were
            written are divided by it where they are positive, else multiplied (Keskar et al., 2019,
            arXiv:1909.05858, section 4.1); none at 1 and at what is not positive.
        frequency_penalty: float32 (b,). So much is taken from a token's logit for each time that it
            was written; none at 0.
        no_repeat_ngram_size: int32 (b,). No sequence of so many tokens comes twice, the prompt's
            included; none if <= 0.
        min_new_tokens: int32 (b,). Nothing ends the row by a token before so many are written.
        stop_token_ids: int32 (b, any). Tokens that end the row, as end-of-text does; -1 for none.
        stop_patterns: int32 (b, any, m), the bytes of texts that end the row, behind -1 as padding.
        is_continued: bool (b,). Whether text stands before what is written.
    """

    repetition_penalty: tf.Tensor
    frequency_penalty: tf.Tensor
    no_repeat_ngram_size: tf.Tensor
    min_new_tokens: tf.Tensor
    stop_token_ids: tf.Tensor
    stop_patterns: tf.Tensor
    is_continued: tf.Tensor


class History(NamedTuple):
    """What stands before the token that is to be chosen.

    Attributes:
        token_ids: int32 (b, c).
        is_read: bool (b, c), the tokens of the row, those of its prompt included.
        is_new: bool (b, c), those that were written.
        num_columns: int32 (), columns that are filled; the last holds each row's newest token.
        step: int32 (), tokens written so far.
    """

    token_ids: tf.Tensor
    is_read: tf.Tensor
    is_new: tf.Tensor
    num_columns: tf.Tensor
    step: tf.Tensor


def history(token_ids, padding_mask, num_columns, step) -> History:
    """`History` of rows whose newest `step` tokens are new.

    Args:
        token_ids: int32 (b, c).
        padding_mask: bool (b, c), False at padding.
        num_columns: int32 (), columns that are filled.
        step: int32 ().
    """
    column = tf.range(tf.shape(token_ids)[1])
    is_read = padding_mask & (column < num_columns)
    return History(token_ids, is_read, is_read & (column >= num_columns - step), num_columns, step)


def constrained(logits, constraints, past, end_of_text):
    """Logits, or log likelihoods, as the constraints have them.

    Args:
        logits: float32 (b, v).
        constraints: `Constraints`; () for none.
        past: `History`.
        end_of_text: int or `Ends`.

    Returns:
        float32 (b, v). What is barred has -1e9.
    """
    if not constraints:
        return logits
    penalty = constraints.repetition_penalty
    penalty = tf.where(penalty > 0.0, penalty, 1.0)
    each_time = constraints.frequency_penalty
    each_time = tf.where(tf.math.is_finite(each_time), each_time, 0.0)
    sizes = constraints.no_repeat_ngram_size
    may_not_end = past.step < constraints.min_new_tokens
    rules = (
        (penalty != 1.0, lambda x: _repetition(x, penalty, past)),
        (each_time != 0.0, lambda x: _frequency(x, each_time, past)),
        (sizes > 0, lambda x: _no_repeats(x, sizes, past)),
        (may_not_end, lambda x: _no_end(x, may_not_end, constraints.stop_token_ids, end_of_text)),
    )
    for concerns, rule in rules:
        logits = tf.cond(tf.reduce_any(concerns), _applied(rule, logits), _applied(None, logits))
    return logits


def _applied(rule, logits):
    return lambda: logits if rule is None else rule(logits)


def _repetition(logits, penalty, past):
    is_there = _counts(past.token_ids, past.is_read, logits) > 0.0
    penalty = penalty[:, None]
    less = tf.where(logits > 0.0, logits / penalty, logits * penalty)
    return tf.where(is_there, less, logits)


def _frequency(logits, each_time, past):
    return logits - each_time[:, None] * _counts(past.token_ids, past.is_new, logits)


def _no_repeats(logits, sizes, past):
    """Bars each token that once stood behind the row's newest size - 1 tokens."""
    column = tf.range(tf.shape(past.token_ids)[1])

    def behind_one_more(distance, is_barred):
        before = tf.maximum(column - distance, 0)
        newest = past.token_ids[:, tf.maximum(past.num_columns - distance, 0), None]
        same = tf.gather(past.token_ids, before, axis=1) == newest
        same &= tf.gather(past.is_read, before, axis=1) & (column >= distance)
        return distance + 1, is_barred & (same | (distance >= sizes)[:, None])

    is_barred = past.is_read & (sizes > 0)[:, None]
    longest = tf.minimum(tf.reduce_max(sizes), tf.shape(column)[0])
    _, is_barred = tf.while_loop(
        lambda distance, _: distance < longest, behind_one_more, (tf.constant(1), is_barred)
    )
    return tf.where(_counts(past.token_ids, is_barred, logits) > 0.0, BARRED, logits)


def _no_end(logits, may_not_end, stop_token_ids, end_of_text):
    ends = tf.constant([all_ends(end_of_text)], tf.int32)
    ends = tf.tile(ends, [tf.shape(logits)[0], 1])
    ids = tf.concat([ends, stop_token_ids], 1)
    is_end = _counts(ids, (ids >= 0) & may_not_end[:, None], logits) > 0.0
    return tf.where(is_end, BARRED, logits)


def _counts(token_ids, counts, logits):
    """How often each token of the vocabulary stands where `counts` (b, c): float32 (b, v)."""
    num_rows, num_tokens = tf.unstack(tf.shape(logits))
    counts &= token_ids < num_tokens
    rows = tf.broadcast_to(tf.range(num_rows)[:, None], tf.shape(token_ids))
    places = tf.stack([rows, tf.where(counts, token_ids, 0)], axis=-1)
    return tf.tensor_scatter_nd_add(tf.zeros_like(logits), places, tf.cast(counts, tf.float32))
