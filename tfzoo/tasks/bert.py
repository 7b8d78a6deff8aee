"""BERT's pre-training: masked words, and whether the second part of a row follows the first."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo.layers.heads import PairHead
from tfzoo.tasks import scores
from tfzoo.tasks.feeding import Rows
from tfzoo.tasks.masked_lm import MaskedLanguageModeling
from tfzoo.tasks.padding import padded, padding_id, padding_mask
from tfzoo.tasks.segments import Spans
from tfzoo.tasks.states import hidden_states


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertPretraining(MaskedLanguageModeling):
    """Masked words and next sentence (Devlin et al., 2019, arXiv:1810.04805, section 3.1).

    A row is a pair as the tokenizer joins it. The loss of a pair counts as
    often as its row has masked tokens, so that the mean over those is the paper's sum of two means
    whatever the rows' lengths, and however a batch is cut.

    Attributes:
        mask_probability: float in (0, 1), share of the tokens to guess.
        whole_word_masking: bool. Whether all tokens of a word are guessed together.
    """

    has_perplexity: ClassVar = False  # Two losses are added.
    pair_head: ClassVar[str] = "next_sentence"
    num_documents: ClassVar[int] = 2  # What follows a sentence, or text of another document.
    mask_documents: bool = dataclasses.field(default=False, init=False)  # A row has two at most.

    def heads(self):
        return {self.pair_head: PairHead()}

    def rows(self, store, sequence_length):
        length = sequence_length - self.tokenizer.layout.num_specials(True)
        spans = Spans(store, length, self.tokenizer.word_starts, self.num_documents)
        masking = self.masking()

        def make(number, generator):
            first, second, label = self.pair(spans, number, generator)
            row = self._joined(first, second, sequence_length)
            labels = {"labels": np.int32(label), "label_weights": np.float32(1.0)}
            return {**row, **masking.mask_row(row["token_ids"], generator), **labels}

        return Rows(len(spans), make)

    def pair(self, spans, number, generator):
        """The two parts of a row and their label, 0 if they are as in the text."""
        return spans.followed(number, generator)

    def _joined(self, first, second, length):
        """A row before it is masked: token_ids, segment_ids and padding_mask, each (t,)."""
        joined = self.tokenizer.join_ids(first.tolist(), second.tolist())
        padding = padding_id(self.tokenizer)
        return {
            "token_ids": padded([joined.token_ids], length, padding)[0],
            "segment_ids": padded([joined.segment_ids], length)[0],
            "padding_mask": padding_mask([joined.token_ids], length)[0],
        }

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        hidden = hidden_states(model, batch, training)
        masked = self.masked_loss(model, hidden, batch, label_smoothing)
        nats, _ = self._pairs(model, hidden, batch, training)
        return masked + tf.reduce_sum(nats * tf.reduce_sum(batch["weights"], -1))

    def measures(self, model, batch):
        hidden = hidden_states(model, batch)
        masked = self.masked_measures(model, hidden, batch)
        nats, hits = self._pairs(model, hidden, batch)
        pair_loss = tf.reduce_sum(nats * tf.reduce_sum(batch["weights"], -1))
        return {
            **masked,
            "loss": masked["loss"] + pair_loss,
            "masked_loss": masked["loss"],
            "pair_loss": pair_loss,
            "pair_hits": tf.reduce_sum(batch["label_weights"] * hits),
            "num_pairs": tf.reduce_sum(batch["label_weights"]),
        }

    def results(self, sums):
        masked_loss = scores.mean(sums["masked_loss"], sums["num_targets"])
        return {
            "loss": scores.mean(sums["loss"], sums["num_targets"]),
            "masked_loss": masked_loss,
            "perplexity": scores.perplexity(masked_loss),
            "masked_accuracy": scores.mean(sums["masked_hits"], sums["num_targets"]),
            f"{self.pair_head}_loss": scores.mean(sums["pair_loss"], sums["num_targets"]),
            f"{self.pair_head}_accuracy": scores.mean(sums["pair_hits"], sums["num_pairs"]),
        }

    def _pairs(self, model, hidden, batch, training=None):
        """float32 (b,) twice: nats of each pair's label, and 1 where it is found."""
        pooled = model.pooled(hidden, batch["padding_mask"])
        logits = tf.cast(model.heads[self.pair_head](pooled, training=training), tf.float32)
        labels = batch["labels"]
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return nats, tf.cast(tf.argmax(logits, -1, tf.int32) == labels, tf.float32)
