"""Tokens to predict from hidden states: the loss over the vocabulary, and how often it is right."""

import tensorflow as tf

from tfzoo import kernels

_CHUNK = 1 << 24  # Logits held at once where each is looked at: 64 MB.


def loss(model, hidden, targets, weights, label_smoothing=0.0):
    """The weighted sum of `-log p(target)`.

    Args:
        model: gives `prediction_states`, `output_weights` and `output_bias`.
        hidden: float (..., m), a state for each target.
        targets: int32 (...).
        weights: float32 (...), 0 at what is no target.
        label_smoothing: float in [0, 1).

    Returns:
        float32 scalar, in nats.
    """
    states = model.prediction_states(hidden)
    return kernels.cross_entropy(
        tf.reshape(states, [-1, states.shape[-1]]),
        model.output_weights(),
        tf.reshape(targets, [-1]),
        tf.reshape(weights, [-1]),
        label_smoothing=label_smoothing,
        bias=model.output_bias(),
    )


def outcomes(model, hidden, targets):
    """What the model makes of each target, without gradients.

    Args:
        model: gives `logits`.
        hidden: float (..., m), a state for each target.
        targets: int32 (...).

    Returns:
        nats: float32 (...), `-log p(target)`.
        hits: float32 (...), 1 where no other token is likelier.
    """
    states = tf.reshape(hidden, [-1, hidden.shape[-1]])
    truth = tf.reshape(targets, [-1])
    num_rows = tf.shape(truth)[0]
    step = max(1, _CHUNK // model.config.vocabulary_size)

    def body(first, nats, hits):
        logits = model.logits(states[first : first + step])
        some = truth[first : first + step]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(some, logits)
        right = tf.argmax(logits, -1, tf.int32) == some
        hits = tf.concat([hits, tf.cast(right, tf.float32)], 0)
        return first + step, tf.concat([nats, losses], 0), hits

    _, nats, hits = tf.while_loop(
        lambda first, *_: first < num_rows,
        body,
        (tf.constant(0), tf.zeros([0]), tf.zeros([0])),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None])),
        parallel_iterations=1,
    )
    return tf.reshape(nats, tf.shape(targets)), tf.reshape(hits, tf.shape(targets))
