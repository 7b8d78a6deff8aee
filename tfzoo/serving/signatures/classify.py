"""`classify`, `regress`: the label, or a number, of texts; `..._pairs`, of pairs of texts."""

import tensorflow as tf

from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.subject import signature, texts_named
from tfzoo.tasks import classes
from tfzoo.tasks.states import hidden_states

_ONE = ("texts",)
_TWO = ("texts", "second_texts")


def classify(subject):
    """texts [b] -> label [b], the likeliest; labels [b, n], probabilities [b, n]."""
    return _signature(subject, "classification", _ONE, _as_labels)


def classify_pairs(subject):
    """texts [b], second_texts [b] -> as of `classify`."""
    return _signature(subject, "classification", _TWO, _as_labels)


def regress(subject):
    """texts [b] -> values [b]."""
    return _signature(subject, "regression", _ONE, _as_values)


def regress_pairs(subject):
    """texts [b], second_texts [b] -> values [b]."""
    return _signature(subject, "regression", _TWO, _as_values)


def _signature(subject, head_name, names, told):
    model, head = subject.model, subject.model.heads[head_name]

    def answer(*lists):
        read = rows.joined(subject, *map(subject.text.tokenize, lists))
        pooled = model.pooled(hidden_states(model, read._asdict()), read.padding_mask)
        return told(subject, head, tf.cast(head(pooled), tf.float32))

    return signature(answer, list(map(texts_named, names)), [[b"Hello"]] * len(names))


def _as_labels(subject, head, outputs):
    names = tf.constant(classes.names(subject.labels, head.num_labels))
    return {
        "label": tf.gather(names, tf.argmax(outputs, -1)),
        "labels": tf.tile(names[None], [tf.shape(outputs)[0], 1]),
        "probabilities": tf.nn.softmax(outputs),
    }


def _as_values(subject, head, outputs):
    del subject, head
    return {"values": outputs[:, 0]}
