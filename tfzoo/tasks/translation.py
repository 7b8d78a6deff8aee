"""Sequence to sequence: an encoder-decoder says the target of each source."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfzoo.tasks import sequences
from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.padding import cut, padded, padding_id, padding_mask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Translation(ExampleTask):
    """Maximizes the log likelihood of the target's tokens, given the source (Vaswani et al., 2017).

    The decoder reads the start, then the target; it is to say the target, then its end. A source
    that is too long keeps its end; a target does not, for it does not end there.

    Attributes:
        prefix: str, put before each source with a space between, for example
            "translate English to German:".
    """

    kinds: ClassVar = ("encoder_decoder",)
    data_kind: ClassVar = "pairs"
    length_columns: ClassVar = ("source", "target")
    column_options: ClassVar = ("prefix",)
    prefix: str = ""

    def columns(self):
        return {
            "source": lambda example: self.source_ids(example["source"]),
            "target": lambda example: self.target_ids(example["target"]),
        }

    def source_ids(self, text, second=None) -> list[int]:
        """What the encoder reads, special tokens included."""
        prefixed = f"{self.prefix.strip()} {text}" if self.prefix else text
        return self.tokenizer.join(prefixed, second).token_ids

    def target_ids(self, text) -> list[int]:
        """What the decoder is to say, its end included."""
        return [*self.tokenizer.encode_batch([text])[0], sequences.end_id(self.tokenizer)]

    def batch(self, store, indices, length):
        sources = [cut(row, length) for row in store.rows("source", indices)]
        targets = [row[:length] for row in store.rows("target", indices)]
        padding = padding_id(self.tokenizer)
        rows = padded(targets, length, padding)
        return {
            "token_ids": padded(sources, length, padding),
            "padding_mask": padding_mask(sources, length),
            "decoder_token_ids": sequences.shifted(rows, sequences.start_id(self.tokenizer)),
            "targets": rows,
            "weights": padded([np.ones(len(row)) for row in targets], length, dtype=np.float32),
        }

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        return sequences.loss(model, batch, training, label_smoothing)

    def measures(self, model, batch):
        return sequences.measures(model, batch)

    def results(self, sums):
        return sequences.results(sums)
