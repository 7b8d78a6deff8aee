"""Dialogue: the last turn is said in reply to those before it."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfzoo.tasks import sequences
from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.padding import padded, padding_id


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialogue(ExampleTask):
    """Maximizes the log likelihood of replies (Zhang et al., 2020, arXiv:1911.00536, section 3.1).

    A row is all turns, each followed by end-of-text; only the last one, its end-of-text included,
    counts. Of a row that is too long the beginning is left out.
    """

    kinds: ClassVar = ("decoder",)
    data_kind: ClassVar = "dialogue"

    def columns(self):
        return {
            "token_ids": lambda example: self.prompt_ids(example["turns"]),
            "num_before": lambda example: len(self.prompt_ids(example["turns"][:-1])),
        }

    def prompt_ids(self, turns: list[str]) -> list[int]:
        """The turns as they are read before a reply."""
        end = self.tokenizer.end_of_text
        return [token for ids in self.tokenizer.encode_batch(turns) for token in (*ids, end)]

    def batch(self, store, indices, length):
        rows = store.rows("token_ids", indices)
        replies = [
            np.arange(len(row)) >= before
            for row, before in zip(rows, store.scalars("num_before")[indices], strict=True)
        ]
        rows, replies = ([x[-length - 1 :] for x in some] for some in (rows, replies))
        padding = padding_id(self.tokenizer)
        return {
            "token_ids": padded([row[:-1] for row in rows], length, padding),
            "targets": padded([row[1:] for row in rows], length, padding),
            "weights": padded([reply[1:] for reply in replies], length, dtype=np.float32),
        }

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        return sequences.loss(model, batch, training, label_smoothing)

    def measures(self, model, batch):
        return sequences.measures(model, batch)

    def results(self, sums):
        return sequences.results(sums)
