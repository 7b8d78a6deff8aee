"""Classification: the label of a text, or of a pair of texts."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tfzoo.layers.heads import ClassificationHead
from tfzoo.tasks import classes
from tfzoo.tasks.labelled_rows import LabelledTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification(LabelledTask):
    """Maximizes the log likelihood of labels (Devlin et al., 2019, arXiv:1810.04805, section 4.1).

    Attributes:
        head_dropout: float in [0, 1), share of what the head reads to drop.
    """

    data_kind: ClassVar = "labelled"
    head: ClassVar = "classification"
    head_dropout: float = 0.1

    def heads(self):
        return {self.head: ClassificationHead(len(self.labels), dropout=self.head_dropout)}

    def target(self, label):
        return self.labels.index(label)

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        logits = self.outputs(model, batch, training)
        nats = classes.nats(logits, batch["labels"], label_smoothing)
        return tf.reduce_sum(batch["weights"] * nats)

    def measures(self, model, batch):
        return classes.measures(self.outputs(model, batch), batch["labels"], batch["weights"])

    def results(self, sums):
        return classes.results(sums, self.labels)
