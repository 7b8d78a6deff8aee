"""Which tokens a token may read: bool, True where it may."""

import tensorflow as tf


def readable(
    num_queries,
    num_keys,
    first=0,
    *,
    causal=False,
    window=None,
    padding_mask=None,
    document_ids=None,
):
    """The mask of an attention layer.

    Args:
        num_queries, num_keys: ints or int32 scalars, t and s.
        first: int or int32 scalar, the key column of the first query.
        causal: bool. If True, query t reads columns up to `first + t`.
        window: int > 0, how many columns a causal query reads at most, its own included; None: all.
        padding_mask: bool (b, s), True at tokens; None means no padding.
        document_ids: int (b, s), with t = s: a token reads tokens of its own document only; None
            means one document.

    Returns:
        bool, broadcastable to (b, h, t, s).
    """
    if causal:
        query, key = tf.reshape(first + tf.range(num_queries), [-1, 1]), tf.range(num_keys)
        mask = key <= query
        if window is not None:
            mask = mask & (key > query - window)
    else:
        mask = tf.fill([num_queries, num_keys], True)
    if padding_mask is not None:
        mask = mask & tf.cast(padding_mask, tf.bool)[:, None, None, :]
    if document_ids is not None:
        mask = mask & (document_ids[:, None, :, None] == document_ids[:, None, None, :])
    return mask


def with_keras_mask(padding_mask, x):
    """`padding_mask` and the mask that Keras carries along with `x`.

    `keras.layers.Embedding(mask_zero=True)` and `keras.layers.Masking` begin one, and layers that
    support masking pass it on.

    Args:
        padding_mask: bool (b, t), True at tokens; None means no padding.
        x: float (b, t, m).

    Returns:
        bool (b, t), True where both have it; None if there is neither.
    """
    keras_mask = getattr(x, "_keras_mask", None)
    if keras_mask is None or padding_mask is None:
        return padding_mask if keras_mask is None else keras_mask
    return tf.cast(padding_mask, tf.bool) & tf.cast(keras_mask, tf.bool)


def positions(padding_mask=None, document_ids=None):
    """The place of each token among the tokens of its document that are no padding.

    Args:
        padding_mask: bool (b, t), True at tokens, padding on whichever side; None means none.
        document_ids: int (b, t), or None: each row is one document.

    Returns:
        int32 (b, t), from 0; 0 at padding that comes first.
    """
    if padding_mask is None:
        padding_mask = tf.ones_like(document_ids, tf.bool)
    place = tf.maximum(tf.cumsum(tf.cast(padding_mask, tf.int32), axis=1) - 1, 0)
    if document_ids is None:
        return place
    same = (document_ids[:, :, None] == document_ids[:, None, :]) & padding_mask[:, None, :]
    first = tf.argmax(tf.cast(same, tf.int8), axis=2, output_type=tf.int32)
    return tf.maximum(place - tf.gather(place, first, batch_dims=1), 0)
