"""One number to find: how far it is off, and what the sums over all rows say of that."""

import abc
from typing import ClassVar

import tensorflow as tf

from tfzoo.tasks import scores


class NumberTask:
    """What tasks have in common that find one number a row.

    Their batches have "labels" and "weights", float32 (b,).
    """

    data_kind: ClassVar = "scored"
    has_perplexity: ClassVar = False

    @abc.abstractmethod
    def found(self, model, batch, training=None):
        """The numbers, float32 (b,)."""

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        """The squared errors, summed; there is nothing to smooth."""
        del label_smoothing
        errors = self.found(model, batch, training) - batch["labels"]
        return tf.reduce_sum(batch["weights"] * errors**2)

    def measures(self, model, batch):
        values = (self.found(model, batch), batch["labels"], batch["weights"])
        x, y, weights = (tf.cast(value, tf.float64) for value in values)  # Far from 0, xx is huge.
        terms = {
            "loss": (x - y) ** 2,
            "num_targets": tf.ones_like(x),
            "absolute_errors": tf.abs(x - y),
            "x": x,
            "y": y,
            "xx": x * x,
            "yy": y * y,
            "xy": x * y,
        }
        return {name: tf.reduce_sum(weights * term) for name, term in terms.items()}

    def results(self, sums):
        """The mean errors, and Pearson's correlation."""
        num, moments = sums["num_targets"], [sums[name] for name in ("x", "y", "xx", "yy", "xy")]
        return {
            "loss": scores.mean(sums["loss"], num),
            "mean_squared_error": scores.mean(sums["loss"], num),
            "mean_absolute_error": scores.mean(sums["absolute_errors"], num),
            "pearson": scores.pearson(num, *moments),
        }
