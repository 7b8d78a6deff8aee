"""Causal language modeling: each token is predicted from those before it."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo import data
from tfzoo.tasks import scores, sequences
from tfzoo.tasks.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class CausalLanguageModeling(Task):
    """Maximizes the log likelihood of the next token (Radford et al., 2018, equation 1).

    The targets of a batch are already one token ahead of its `token_ids`: nothing is shifted here.

    Attributes:
        mask_documents: bool. Whether a token reads its own document only, of those in its row.
    """

    kinds: ClassVar = ("decoder",)
    mask_documents: bool = False

    def training_batches(self, store, **arguments):
        return self._with_documents(data.training_batches(store, **arguments), store)

    def evaluation_batches(self, store, **arguments):
        return self._with_documents(data.evaluation_batches(store, **arguments), store)

    def num_evaluation_batches(self, store, **arguments):
        return data.num_evaluation_batches(store, **arguments)

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        return sequences.loss(model, batch, training, label_smoothing)

    def measures(self, model, batch):
        weights = batch["weights"]
        sums = {"loss": self.loss(model, batch), "num_targets": tf.reduce_sum(weights)}
        if self.tokenizer is not None and self.tokenizer.is_lossless:
            lengths = np.array([len(token) for token in self.tokenizer.token_bytes], np.float32)
            sums["num_bytes"] = tf.reduce_sum(weights * tf.gather(lengths, batch["targets"]))
        return sums

    def results(self, sums):
        loss = scores.mean(sums["loss"], sums["num_targets"])
        found = {"loss": loss, "perplexity": scores.perplexity(loss)}
        if "num_bytes" in sums:
            found["bits_per_byte"] = scores.mean(sums["loss"] / math.log(2.0), sums["num_bytes"])
        return found

    def _with_documents(self, batches, store):
        """Each end-of-text begins a document, whose first token is predicted from it."""
        if not self.mask_documents:
            return batches

        def add(batch):
            is_first = tf.cast(batch["token_ids"] == store.end_of_text, tf.int32)
            return {**batch, "document_ids": tf.cumsum(is_first, axis=1)}

        return batches.map(add)
