"""Regression: a number for a text, or for a pair of texts."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tfzoo.layers.heads import ClassificationHead
from tfzoo.tasks import numbers
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
        return numbers.squared_errors(self._found(model, batch, training), batch)

    def measures(self, model, batch):
        return numbers.measures(self._found(model, batch), batch)

    def results(self, sums):
        return numbers.results(sums)

    def _found(self, model, batch, training=None):
        return tf.squeeze(self.outputs(model, batch, training), -1)
