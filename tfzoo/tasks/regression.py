"""Regression: a number for a text, or for a pair of texts."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tfzoo.layers.heads import ClassificationHead
from tfzoo.tasks.labelled_rows import LabelledTask
from tfzoo.tasks.numbers import NumberTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression(NumberTask, LabelledTask):
    """Minimizes the squared error of a number, as for the similarity of two sentences in GLUE.

    Attributes:
        head_dropout: float in [0, 1), share of what the head reads to drop.
    """

    head: ClassVar = "regression"
    head_dropout: float = 0.1

    def heads(self):
        return {self.head: ClassificationHead(1, dropout=self.head_dropout)}

    def target(self, label):
        return float(label)

    def found(self, model, batch, training=None):
        return tf.squeeze(self.outputs(model, batch, training), -1)
