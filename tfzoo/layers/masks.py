"""Which tokens a token may read: bool, True where it may."""

import tensorflow as tf


def readable(num_queries, num_keys, first=0, causal=False, padding_mask=None):
    """The mask of an attention layer.

    Args:
        num_queries, num_keys: ints or int32 scalars, t and s.
        first: int or int32 scalar, the key column of the first query.
        causal: bool. If True, query t reads columns up to `first + t`.
        padding_mask: bool (b, s), True at tokens; None means no padding.

    Returns:
        bool, broadcastable to (b, h, t, s).
    """
    mask = tf.ones([1, 1, num_queries, num_keys], tf.bool)
    if causal:
        mask = tf.range(num_keys)[None] <= first + tf.range(num_queries)[:, None]
        mask = mask[None, None]
    if padding_mask is not None:
        mask = mask & tf.cast(padding_mask, tf.bool)[:, None, None, :]
    return mask


def positions(padding_mask):
    """The place of each token among the tokens that are no padding, on whichever side that lies.

    Args:
        padding_mask: bool (b, t), True at tokens.

    Returns:
        int32 (b, t), from 0; 0 at padding that comes first.
    """
    return tf.maximum(tf.cumsum(tf.cast(padding_mask, tf.int32), axis=1) - 1, 0)
