"""Cross-entropy over the vocabulary, from hidden states, without keeping the logits."""

import tensorflow as tf

from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.elementwise import wide
from tfzoo.kernels.rows import row_max

_CHUNK = 1 << 25  # Logits held at once: 128 MB in float32.


def cross_entropy(hidden, output_weights, targets, weights, *, label_smoothing=0.0):
    """Weighted sum of `-log softmax(hidden output_weights^T)[target]`.

    With label smoothing e the target is (1 - e) on the token and e spread over the vocabulary
    (Szegedy et al., 2016, arXiv:1512.00567, section 7).

    Args:
        hidden: float (n, m).
        output_weights: float (v, m), in the dtype of `hidden`.
        targets: int32 (n,), ids in [0, v).
        weights: float32 (n,), 0 at what is no target.
        label_smoothing: float in [0, 1).

    Returns:
        float32 scalar, in nats: a sum, to be divided by the number of targets.
    """
    if not is_compiled():
        return _loss(_logits(hidden, output_weights), targets, weights, label_smoothing)

    @tf.custom_gradient
    def apply(hidden, output_weights):
        loss, *gradients = _with_gradients(
            hidden, output_weights, targets, weights, label_smoothing
        )
        return loss, lambda dy: [g * tf.cast(dy, g.dtype) for g in gradients]

    return apply(hidden, output_weights)


def _with_gradients(hidden, output_weights, targets, weights, label_smoothing):
    """The loss and both gradients, a chunk of rows at a time."""
    rows, vocabulary = hidden.shape[0], output_weights.shape[0]
    step = max(1, _CHUNK // vocabulary) if rows else None
    losses, d_hidden, d_output = [], [], []
    for start in range(0, rows, step) if rows else [0]:
        part = slice(start, start + step if rows else None)
        loss, d_logits = _loss_and_gradient(
            tf.matmul(hidden[part], output_weights, transpose_b=True),
            targets[part],
            weights[part],
            label_smoothing=label_smoothing,
        )
        losses.append(loss)
        d_hidden.append(tf.matmul(d_logits, output_weights))
        d_output.append(tf.matmul(d_logits, hidden[part], transpose_a=True))
    return tf.add_n(losses), tf.concat(d_hidden, 0), tf.add_n(d_output)


def _logits(hidden, output_weights):
    return wide(tf.matmul(hidden, output_weights, transpose_b=True))


def _loss(logits, targets, weights, label_smoothing):
    on_target = tf.gather(logits, targets, batch_dims=1)
    on_all = tf.reduce_mean(logits, -1)
    expected = (1.0 - label_smoothing) * on_target + label_smoothing * on_all
    losses = tf.reduce_logsumexp(logits, -1) - expected
    return tf.cast(tf.reduce_sum(losses * tf.cast(weights, losses.dtype)), tf.float32)


@program
def _loss_and_gradient(logits, targets, weights, *, label_smoothing):
    """The weighted sum of losses, and its gradient by the logits; one pass each for max and sum."""
    x = wide(logits)
    weights = tf.cast(weights, x.dtype)[:, None]
    highest = row_max(x)
    exponentials = tf.exp(x - highest)
    total = tf.reduce_sum(exponentials, -1, keepdims=True)
    expected = tf.gather(x, targets[:, None], batch_dims=1)
    truth = tf.where(tf.range(x.shape[-1])[None] == targets[:, None], tf.ones([], x.dtype), 0.0)
    if label_smoothing:
        spread = label_smoothing * tf.reduce_mean(x, -1, keepdims=True)
        expected = (1.0 - label_smoothing) * expected + spread
        truth = (1.0 - label_smoothing) * truth + label_smoothing / x.shape[-1]
    loss = tf.reduce_sum(weights * (tf.math.log(total) + highest - expected))
    gradient = weights * (exponentials / total - truth)
    return tf.cast(loss, tf.float32), tf.cast(gradient, logits.dtype)
