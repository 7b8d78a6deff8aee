"""Cross-entropy over the vocabulary, from hidden states, without keeping the logits."""

import tensorflow as tf

from tfzoo.kernels.bfloat16 import matmul, product_dtype
from tfzoo.kernels.cluster import custom_gradient, is_compiled, program
from tfzoo.kernels.elementwise import row_sum, wide, wide_sum
from tfzoo.kernels.rows import LANES, row_max

_CHUNK = 1 << 25  # Logits held at once: 128 MB in float32.
_WORTH_PADDING = 1 << 12  # Vocabulary: with fewer tokens, rows of zeros cost more than they gain.


def cross_entropy(hidden, output_weights, targets, weights, *, label_smoothing=0.0, bias=None):
    """Weighted sum of `-log softmax(hidden output_weights^T + bias)[target]`.

    With label smoothing e the target is (1 - e) on the token and e spread over the vocabulary
    (Szegedy et al., 2016, arXiv:1512.00567, section 7).

    Args:
        hidden: float (n, m).
        output_weights: float (v, m); the products are computed in the dtype of `hidden`.
        targets: int32 (n,), ids in [0, v).
        weights: float32 (n,), 0 at what is no target.
        label_smoothing: float in [0, 1).
        bias: float (v,), or None.

    Returns:
        float32 scalar, in nats: a sum, to be divided by the number of targets.
    """
    if not is_compiled():
        return _plain(hidden, output_weights, bias, targets, weights, label_smoothing)

    @custom_gradient
    def apply(hidden, table, *biases):
        states = tf.cast(hidden, product_dtype(hidden.dtype))
        loss, d_states, d_table, *d_biases = _with_gradients(
            states, table, targets, weights, biases, label_smoothing
        )
        d_hidden, rows = tf.cast(d_states, hidden.dtype), table.shape[0]

        def gradients(upstream):
            if tf.get_static_value(upstream) == 1.0:  # As it mostly is: two large passes fewer.
                by_vocabulary = (tf.cast(d_table, table.dtype), *d_biases)
                return (d_hidden, *(d[:rows] for d in by_vocabulary))
            return (
                d_hidden * tf.cast(upstream, d_hidden.dtype),
                _unpadded(d_table, upstream, rows=rows, dtype=table.dtype),
                *(_unpadded(d, upstream, rows=rows, dtype=d.dtype) for d in d_biases),
            )

        return loss, gradients

    biases = [] if bias is None else [tf.convert_to_tensor(bias)]
    return apply(hidden, tf.convert_to_tensor(output_weights), *biases)


def _with_gradients(hidden, output_weights, targets, weights, biases, label_smoothing):
    """The loss, and its gradients by hidden states, table and biases, a chunk of rows at a time.

    The gradients of table and biases may have rows more, of the padding.
    """
    rows, vocabulary = hidden.shape[0], output_weights.shape[0]
    table = _padded(output_weights, hidden.dtype)
    biases = [tf.pad(bias, [[0, table.shape[0] - vocabulary]]) for bias in biases]
    step = max(1, _CHUNK // vocabulary) if rows else None
    losses, d_hidden, d_tables, d_biases = [], [], [], []
    for start in range(0, rows, step) if rows else [0]:
        part = slice(start, start + step if rows else None)
        loss, d_logits = _loss_and_gradient(
            matmul(hidden[part], table, transpose_b=True),
            targets[part],
            weights[part],
            *biases,
            vocabulary=vocabulary,
            label_smoothing=label_smoothing,
        )
        losses.append(loss)
        d_hidden.append(matmul(d_logits, table))
        with tf.control_dependencies(d_hidden):  # One after the other: they share the caches.
            d_tables.append(matmul(d_logits, hidden[part], transpose_a=True))
        d_biases += [row_sum(d_logits) for _ in biases]
    d_table = wide_sum(d_tables) if len(d_tables) > 1 else d_tables[0]
    sums = [tf.add_n(d_biases)] if biases else []
    return tf.add_n(losses), tf.concat(d_hidden, 0), d_table, *sums


def _padded(table, dtype):
    """The table in a dtype, with rows of zeros: bfloat16's products want round numbers of rows."""
    rows = table.shape[0]
    if dtype == tf.bfloat16 and rows >= _WORTH_PADDING:
        rows = -(-rows // LANES) * LANES
    if rows == table.shape[0]:
        return tf.cast(table, dtype)
    return _cast_and_padded(table, rows=rows, dtype=dtype)


@program
def _cast_and_padded(table, *, rows, dtype):
    return tf.pad(tf.cast(table, dtype), [[0, rows - table.shape[0]], [0, 0]])


@program
def _unpadded(gradient, upstream, *, rows, dtype):
    gradient = wide(gradient)[:rows]
    return tf.cast(gradient * tf.cast(upstream, gradient.dtype), dtype)


def _plain(hidden, output_weights, bias, targets, weights, label_smoothing):
    table = tf.cast(output_weights, hidden.dtype)
    logits = wide(tf.matmul(hidden, table, transpose_b=True))
    if bias is not None:
        logits += tf.cast(bias, logits.dtype)
    on_target = tf.gather(logits, targets, batch_dims=1)
    on_all = tf.reduce_mean(logits, -1)
    expected = (1.0 - label_smoothing) * on_target + label_smoothing * on_all
    losses = tf.reduce_logsumexp(logits, -1) - expected
    return tf.cast(tf.reduce_sum(losses * tf.cast(weights, losses.dtype)), tf.float32)


@program
def _loss_and_gradient(logits, targets, weights, *biases, vocabulary, label_smoothing):
    """The weighted sum of losses, and its gradient by the logits; one pass each for max and sum."""
    x = sum([tf.cast(bias, wide(logits).dtype) for bias in biases], wide(logits))
    columns = tf.range(x.shape[-1])[None]
    if x.shape[-1] > vocabulary:
        x = tf.where(columns < vocabulary, x, 0.5 * x.dtype.min)
    weights = tf.cast(weights, x.dtype)[:, None]
    highest = row_max(x)
    exponentials = tf.exp(x - highest)
    total = tf.reduce_sum(exponentials, -1, keepdims=True)
    expected = tf.gather(x, targets[:, None], batch_dims=1)
    truth = tf.where(columns == targets[:, None], tf.ones([], x.dtype), 0.0)
    if label_smoothing:
        real = tf.cast(columns < vocabulary, x.dtype)
        spread = label_smoothing / vocabulary * tf.reduce_sum(x * real, -1, keepdims=True)
        expected = (1.0 - label_smoothing) * expected + spread
        truth = (1.0 - label_smoothing) * truth + label_smoothing / vocabulary * real
    loss = tf.reduce_sum(weights * (tf.math.log(total) + highest - expected))
    gradient = weights * (exponentials / total - truth)
    return tf.cast(loss, tf.float32), tf.cast(gradient, logits.dtype)
