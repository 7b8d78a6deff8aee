"""What decoding starts from: prompts of different lengths side by side, ending in one column.

A decoder goes on with its prompt. An encoder-decoder reads it as the source, and goes on with the
token that starts each text. Shape letters: b batch, p prompt column, s column of the cache, or of
the source.
"""

from typing import NamedTuple

import tensorflow as tf


class Sampling(NamedTuple):
    """How to draw each row's tokens; `sample` tells what the values mean.

    Attributes:
        max_new_tokens: int32 (b,). Tokens to draw at most, bounded to 0..context - 1.
        temperature: float32 (b,).
        top_k: int32 (b,).
        top_p: float32 (b,).
        seed: int64 (b,).
        min_p: float32 (b,).
        constraints: `Constraints`; () for none.
        num_drawn: int32 (b,), draws of the row that came before these; () for none.
    """

    max_new_tokens: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor
    seed: tf.Tensor
    min_p: tf.Tensor
    constraints: tuple = ()
    num_drawn: tuple = ()


def bounded(options, context):
    """`options` with `max_new_tokens` in 0..context - 1, so that a token of the prompt fits."""
    limit = tf.clip_by_value(options.max_new_tokens, 0, context - 1)
    return options._replace(max_new_tokens=limit)


class Beginning(NamedTuple):
    """What is read before the first token is written.

    Attributes:
        token_ids: int32 (b, p), what the decoder reads.
        lengths: int32 (b,), tokens of each row that are no padding, which precedes them.
        source: int32 (b, s) and bool (b, s), the tokens that an encoder reads, followed by padding,
            and its mask; () without an encoder.
    """

    token_ids: tf.Tensor
    lengths: tf.Tensor
    source: tuple


def beginning(prompts, max_new_tokens, context, end_of_text, start=None):
    """`Beginning` of prompts.

    Args:
        prompts: ragged int32 (b, None).
        max_new_tokens, context, end_of_text: as for `left_padded`.
        start: int, the id that starts what an encoder-decoder writes; None for a decoder.
    """
    if start is None:
        return Beginning(*left_padded(prompts, max_new_tokens, context, end_of_text), ())
    lengths = tf.ones_like(prompts.row_lengths(), tf.int32)
    return Beginning(start * lengths[:, None], lengths, right_padded(prompts))


def right_padded(prompts):
    """Sources side by side, int32 (b, s), and bool (b, s); an empty one keeps a place to read."""
    mask = tf.sequence_mask(tf.maximum(prompts.row_lengths(), 1))
    token_ids = prompts.to_tensor()
    absent = tf.shape(mask)[1] - tf.shape(token_ids)[1]
    return tf.pad(token_ids, [[0, 0], [0, absent]]), mask


def left_padded(prompts, max_new_tokens, context, end_of_text):
    """Sets prompts side by side, shorter ones preceded by padding.

    A prompt keeps its last `context - max_new_tokens` tokens; an empty one becomes end-of-text.

    Args:
        prompts: ragged int32 (b, None).
        max_new_tokens: int32 (b,), in 0..context - 1.
        context: int, positions that the model can tell apart.
        end_of_text: int, the id that also fills the padding.

    Returns:
        token_ids: int32 (b, p), with p at least 1.
        lengths: int32 (b,), tokens of each row that are no padding, at least 1.
    """
    ends = tf.cast(prompts.row_limits(), tf.int32)
    kept = tf.minimum(tf.cast(prompts.row_lengths(), tf.int32), context - max_new_tokens)
    width = tf.maximum(tf.reduce_max(kept), 1)
    values = tf.concat([prompts.values, [end_of_text]], 0)
    from_end = tf.range(width, 0, -1)
    source = tf.maximum(ends[:, None] - from_end, 0)
    is_token = from_end <= kept[:, None]
    token_ids = tf.where(is_token, tf.gather(values, source), end_of_text)
    return token_ids, tf.maximum(kept, 1)


def readable_columns(lengths, width, cache_length, context):
    """The padding mask of a cache whose first `width` columns hold left-padded prompts.

    It ends each row `context` columns after its first token: by then the row has all its tokens,
    and what is still computed beside longer rows may not ask for a position that the model lacks.

    Args:
        lengths: int32 (b,), from `left_padded`.
        width: int32 (), p.
        cache_length: int32 (), s.
        context: int.

    Returns:
        bool (b, s), True at tokens.
    """
    since_first = tf.range(cache_length)[None] - (width - lengths)[:, None]
    return (since_first >= 0) & (since_first < context)
