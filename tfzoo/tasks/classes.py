"""One of a few classes to find from logits: losses, and sums that say how well it was found."""

import tensorflow as tf

from tfzoo.tasks import scores


def nats(logits, labels, label_smoothing=0.0):
    """`-log p(label)`; with smoothing e, (1 - e) of it and e times the mean over all classes.

    Args:
        logits: float32 (..., n).
        labels: int32 (...).
        label_smoothing: float in [0, 1).

    Returns:
        float32 (...).
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if not label_smoothing:
        return losses
    spread = -tf.reduce_mean(tf.nn.log_softmax(logits), -1)
    return (1.0 - label_smoothing) * losses + label_smoothing * spread


def measures(logits, labels, weights):
    """Sums over a batch: "confusion", float32 (n, n), has true classes as rows, found as columns.

    Args:
        logits: float32 (..., n).
        labels: int32 (...).
        weights: float32 (...), 0 at what is no target.
    """
    num_classes = logits.shape[-1]
    confusion = tf.math.confusion_matrix(
        tf.reshape(labels, [-1]),
        tf.reshape(tf.argmax(logits, -1), [-1]),
        num_classes,
        weights=tf.reshape(weights, [-1]),
        dtype=tf.float32,
    )
    return {
        "loss": tf.reduce_sum(weights * nats(logits, labels)),
        "num_targets": tf.reduce_sum(weights),
        "confusion": confusion,
    }


def results(sums, labels):
    """What `measures` say in all: loss, accuracy, Matthews' correlation, F1 of each and their mean.

    Args:
        sums: dict of numpy values.
        labels: strings, names of the classes.
    """
    confusion = sums["confusion"]
    f1 = scores.f1(confusion)
    names = ["f1_class_macro" if label == "macro" else f"f1_{label}" for label in labels]
    return {
        "loss": scores.mean(sums["loss"], sums["num_targets"]),
        "accuracy": scores.accuracy(confusion),
        "matthews": scores.matthews(confusion),
        "f1_macro": float(f1.mean()),
        **{name: float(x) for name, x in zip(names, f1, strict=True)},
    }


def names(labels, num_labels: int) -> list[str]:
    """The names of a head's labels: those given, or LABEL_0, LABEL_1, ..."""
    return list(labels) or [f"LABEL_{i}" for i in range(num_labels)]
