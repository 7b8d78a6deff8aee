"""Masked language modeling: hidden words are guessed from all others of the row."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.tasks import scores, vocabulary
from tfzoo.tasks.feeding import Rows
from tfzoo.tasks.masking import Masking
from tfzoo.tasks.states import hidden_states
from tfzoo.tasks.text_rows import TextRowsTask, Windows


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLanguageModeling(TextRowsTask):
    """Maximizes the log likelihood of masked tokens, which are drawn anew in each epoch.

    This is the whole of RoBERTa's objective (Liu et al., 2019, arXiv:1907.11692, section 4.1). A
    row is a window of the text, over the borders of documents (FULL-SENTENCES, section 4.2),
    between the tokenizer's special tokens.

    Attributes:
        mask_probability: float in (0, 1), share of the tokens to guess.
        whole_word_masking: bool. Whether all tokens of a word are guessed together.
        mask_documents: bool. Whether a token reads its own document only, of those in its row.
    """

    kinds: ClassVar = ("encoder",)
    mask_probability: float = 0.15
    whole_word_masking: bool = False
    mask_documents: bool = False

    def __post_init__(self):
        if not 0 < self.mask_probability < 1:
            raise UsageError(
                "--mask_probability must be in (0, 1), for example 0.15. Received: "
                f"{self.mask_probability}."
            )

    def rows(self, store, sequence_length):
        windows = Windows(store, sequence_length - self.tokenizer.layout.num_specials(False))
        masking = self.masking()

        def make(number, generator):
            joined = self.tokenizer.join_ids(windows[number].tolist())
            token_ids = np.array(joined.token_ids, np.int32)
            row = masking.mask_row(token_ids, generator)
            if self.mask_documents:
                row["document_ids"] = _document_ids(token_ids, store.end_of_text)
            return row

        return Rows(len(windows), make)

    def masking(self) -> Masking:
        """How rows are masked."""
        whole_words = self.whole_word_masking
        return Masking.of(self.tokenizer, self.mask_probability, whole_words=whole_words)

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        hidden = hidden_states(model, batch, training)
        return self.masked_loss(model, hidden, batch, label_smoothing)

    def masked_loss(self, model, hidden, batch, label_smoothing=0.0):
        """The loss of the masked tokens, from the states of all, float (b, t, m)."""
        guesses = tf.gather(hidden, batch["positions"], batch_dims=1)
        return vocabulary.loss(model, guesses, batch["targets"], batch["weights"], label_smoothing)

    def measures(self, model, batch):
        return self.masked_measures(model, hidden_states(model, batch), batch)

    def masked_measures(self, model, hidden, batch):
        """Sums over the masked tokens, from the states of all, float (b, t, m)."""
        guesses, weights = tf.gather(hidden, batch["positions"], batch_dims=1), batch["weights"]
        nats, hits = vocabulary.outcomes(model, guesses, batch["targets"])
        return {
            "loss": tf.reduce_sum(weights * nats),
            "num_targets": tf.reduce_sum(weights),
            "masked_hits": tf.reduce_sum(weights * hits),
        }

    def results(self, sums):
        loss = scores.mean(sums["loss"], sums["num_targets"])
        return {
            "loss": loss,
            "perplexity": scores.perplexity(loss),
            "masked_accuracy": scores.mean(sums["masked_hits"], sums["num_targets"]),
        }


def _document_ids(token_ids, end_of_text):
    """int32 (t,): an end-of-text is the last token of its document."""
    is_last = (token_ids == end_of_text).astype(np.int32)
    return np.cumsum(is_last, dtype=np.int32) - is_last
