"""How likely a model finds texts: one sum of log-probabilities a text.

Shape letters: b text, n token of all texts, w window, t token of a window.
"""

import tensorflow as tf

from tfzoo.tokenizers.ragged import row_ids

TOKENS_AT_ONCE = 1024  # They need a float32 for each id of the vocabulary.


def log_likelihood(model, texts, end_of_text):
    """Sums the natural logarithms of the probabilities of each text's tokens.

    A text is read after an end-of-text: `log p(x1 | end) + log p(x2 | end x1) + ...`. One longer
    than the model's context is read in windows of `context` tokens that follow each other without
    overlap, as in an evaluation: within a window, a token is predicted from those of the window
    (and the one just before it). Windows are computed a few at a time, so memory stays bounded.

    Args:
        model: a decoder, with `hidden_states`, `logits` and `config`.
        texts: ragged int32 (b, None).
        end_of_text: int.

    Returns:
        log_likelihood: float32 (b,), 0 for an empty text.
        num_tokens: int32 (b,).
    """
    num_tokens = tf.cast(texts.row_lengths(), tf.int32)
    context = model.config.max_sequence_length
    inputs, targets, text_of_window = _windows(texts, context, end_of_text)
    num_windows = tf.shape(text_of_window)[0]
    width = tf.minimum(tf.reduce_max(tf.concat([num_tokens, [1]], 0)), context)
    group = tf.maximum(TOKENS_AT_ONCE // width, 1)

    def body(first, sums):
        some = slice(first, first + group)
        window_sums = _log_likelihood(model, inputs[some], targets[some])
        texts_of_windows = text_of_window[some][:, None]
        sums = tf.tensor_scatter_nd_add(sums, texts_of_windows, tf.cast(window_sums, sums.dtype))
        return first + group, sums

    start = (tf.constant(0), tf.zeros_like(num_tokens, tf.float64))
    _, sums = tf.while_loop(lambda first, _: first < num_windows, body, start)
    return tf.cast(sums, tf.float32), num_tokens


def _windows(texts, context, end_of_text):
    """Cuts texts into rows of at most `context` tokens.

    Returns:
        inputs, targets: ragged int32 (w, None), no row empty.
        text_of_window: int64 (w,).
    """
    place = tf.ragged.range(texts.row_lengths()).values  # (n,), in the token's own text
    before = tf.concat([[end_of_text], texts.values], 0)[:-1]
    inputs = tf.where(place == 0, end_of_text, before)
    is_first = place % context == 0
    window = tf.cumsum(tf.cast(is_first, tf.int64)) - 1
    text_of_window = tf.boolean_mask(row_ids(texts), is_first)

    def rows(values):
        num_rows = tf.shape(text_of_window, tf.int64)[0]
        return tf.RaggedTensor.from_value_rowids(values, window, nrows=num_rows, validate=False)

    return rows(inputs), rows(texts.values), text_of_window


def _log_likelihood(model, inputs, targets):
    """float32 (w,), the sum over each row; padding on the right changes nothing before it."""
    is_token = tf.sequence_mask(inputs.row_lengths())
    logits = model.logits(model.hidden_states(inputs.to_tensor()))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets.to_tensor(), logits)
    return -tf.reduce_sum(tf.where(is_token, losses, 0.0), -1)
