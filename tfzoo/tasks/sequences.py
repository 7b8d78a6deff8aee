"""Sequences that a model is to say: their first and last token, their loss and measures."""

import numpy as np
import tensorflow as tf

from tfzoo.tasks import scores, vocabulary
from tfzoo.tasks.states import hidden_states
from tfzoo.tokenizers import specials


def start_id(tokenizer) -> int:
    """What a decoder reads first."""
    return specials.start_of_writing(tokenizer)


def end_id(tokenizer) -> int:
    """What a decoder says last."""
    return specials.end_of_writing(tokenizer)


def shifted(targets: np.ndarray, start: int) -> np.ndarray:
    """What a decoder reads to predict int (..., t) targets: `start`, then all but the last."""
    first = np.full_like(targets[..., :1], start)
    return np.concatenate([first, targets[..., :-1]], -1)


def loss(model, batch, training=None, label_smoothing=0.0):
    """The loss of an encoder-decoder's, or a decoder's, targets, summed."""
    hidden = hidden_states(model, batch, training)
    return vocabulary.loss(model, hidden, batch["targets"], batch["weights"], label_smoothing)


def measures(model, batch):
    """Sums over the targets, and over the rows that have any.

    A row is exact if each of its tokens is the likeliest one after those before it: greedy decoding
    then says just this.
    """
    weights = batch["weights"]
    nats, hits = vocabulary.outcomes(model, hidden_states(model, batch), batch["targets"])
    has_targets = tf.reduce_max(weights, -1) > 0
    is_exact = has_targets & tf.reduce_all((hits > 0) | (weights == 0), -1)
    return {
        "loss": tf.reduce_sum(weights * nats),
        "num_targets": tf.reduce_sum(weights),
        "hits": tf.reduce_sum(weights * hits),
        "exact_rows": tf.reduce_sum(tf.cast(is_exact, tf.float32)),
        "num_rows": tf.reduce_sum(tf.cast(has_targets, tf.float32)),
    }


def results(sums):
    """What `measures` say in all."""
    loss = scores.mean(sums["loss"], sums["num_targets"])
    return {
        "loss": loss,
        "perplexity": scores.perplexity(loss),
        "token_accuracy": scores.mean(sums["hits"], sums["num_targets"]),
        "exact_match": scores.mean(sums["exact_rows"], sums["num_rows"]),
    }
