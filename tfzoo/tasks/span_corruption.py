"""Span corruption: an encoder-decoder says what was left out of a text."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tasks import sequences
from tfzoo.tasks.corruption import Corruption
from tfzoo.tasks.feeding import Rows
from tfzoo.tasks.text_rows import TextRowsTask, Windows


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpanCorruption(TextRowsTask):
    """T5's pre-training (Raffel et al., 2020, arXiv:1910.10683, section 3.1.4).

    A row is a window of the text just as long as its input, sentinels included, fills the sequence;
    its spans are drawn anew in each epoch. Other than in the paper's figure 2, and as in its code,
    the targets end without a last sentinel.

    Attributes:
        noise_density: float in (0, 1), share of the tokens that are left out.
        mean_span_length: float >= 1, tokens left out together, on average.
    """

    kinds: ClassVar = ("encoder_decoder",)
    noise_density: float = 0.15
    mean_span_length: float = 3.0

    def __post_init__(self):
        if not 0 < self.noise_density < 1 or self.mean_span_length < 1:
            raise UsageError(
                "--noise_density must be in (0, 1) and --mean_span_length at least 1, for example "
                f"0.15 and 3. Received: {self.noise_density} and {self.mean_span_length}."
            )

    def rows(self, store, sequence_length):
        corruption = Corruption(self.noise_density, self.mean_span_length)
        num_tokens = corruption.num_tokens(sequence_length)
        windows = Windows(store, num_tokens)
        sentinels = self._sentinels(corruption.counts(num_tokens)[1])
        start, end = sequences.start_id(self.tokenizer), sequences.end_id(self.tokenizer)

        def make(number, generator):
            inputs, targets = corruption.corrupt(windows[number], sentinels, end, generator)
            return {
                "token_ids": inputs,
                "decoder_token_ids": sequences.shifted(targets, start),
                "targets": targets,
                "weights": np.ones(len(targets), np.float32),
            }

        return Rows(len(windows), make)

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        return sequences.loss(model, batch, training, label_smoothing)

    def measures(self, model, batch):
        return sequences.measures(model, batch)

    def results(self, sums):
        return sequences.results(sums)

    def _sentinels(self, num_spans):
        sentinels = self.tokenizer.sentinels
        if len(sentinels) < num_spans:
            raise UsageError(
                f"A row has {num_spans} spans to leave out, and the tokenizer {len(sentinels)} "
                "sentinels to stand for them. Take --tokenizer=sentence_piece, which has 100, a "
                "smaller --sequence_length or a larger --mean_span_length."
            )
        return sentinels
