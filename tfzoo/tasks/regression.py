"""Regression: a number for a text, or for a pair of texts."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tfzoo.layers.heads import ClassificationHead
from tfzoo.tasks import scores
from tfzoo.tasks.labelled_rows import LabelledTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression(LabelledTask):
    """Minimizes the squared error of a number, as for the similarity of two sentences in GLUE.

    Attributes:
        head_dropout: float in [0, 1), share of what the head reads to drop.
    """

    data_kind: ClassVar = "scored"
    has_perplexity: ClassVar = False
    head: ClassVar = "regression"
    head_dropout: float = 0.1

    def heads(self):
        return {self.head: ClassificationHead(1, dropout=self.head_dropout)}

    def target(self, label):
        return float(label)

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        """The squared errors, summed; there is nothing to smooth."""
        del label_smoothing
        errors = self._found(model, batch, training) - batch["labels"]
        return tf.reduce_sum(batch["weights"] * errors**2)

    def measures(self, model, batch):
        found = (self._found(model, batch), batch["labels"], batch["weights"])
        x, y, weights = (tf.cast(values, tf.float64) for values in found)  # Far from 0, xx is huge.
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
        num, moments = sums["num_targets"], [sums[name] for name in ("x", "y", "xx", "yy", "xy")]
        return {
            "loss": scores.mean(sums["loss"], num),
            "mean_squared_error": scores.mean(sums["loss"], num),
            "mean_absolute_error": scores.mean(sums["absolute_errors"], num),
            "pearson": scores.pearson(num, *moments),
        }

    def _found(self, model, batch, training=None):
        return tf.squeeze(self.outputs(model, batch, training), -1)
