"""Dialogue: each turn is said in reply to those before it."""

import dataclasses
import functools
import itertools
from typing import ClassVar

import numpy as np

from tfzoo.tasks import sequences
from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.padding import padded, padding_id
from tfzoo.tasks.turn_windows import WindowedStore


def turn_ids(tokenizer, turns: list[str]) -> list[list[int]]:
    """The tokens of each turn, ended by end-of-text, as a model reads one after the other.

    White space around a turn is left out: nobody types it.
    """
    stripped = [turn.strip() for turn in turns]
    return [[*ids, tokenizer.end_of_text] for ids in tokenizer.encode_batch(stripped)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialogue(ExampleTask):
    """Maximizes the log likelihood of replies (Zhang et al., 2020, arXiv:1911.00536, section 3.1).

    A row is all turns of a dialogue, each followed by end-of-text. Every turn after the first is a
    reply to those before it, and counts, its end-of-text included: as causal attention predicts
    them all at once (equation 1 there), each is learnt once, at the cost of one row. A dialogue too
    long for a row becomes several, cut between turns (`turn_windows.windows`).
    """

    kinds: ClassVar = ("decoder",)
    data_kind: ClassVar = "dialogue"

    def columns(self):
        ids = functools.partial(turn_ids, self.tokenizer)
        return {
            "token_ids": lambda example: list(itertools.chain(*ids(example["turns"]))),
            "num_opening": lambda example: len(ids(example["turns"][:1])[0]),
            "turn_lengths": lambda example: [len(turn) for turn in ids(example["turns"])],
        }

    def examples(self, store, sequence_length):
        return WindowedStore(store, sequence_length + 1)

    def batch(self, store, indices, length):
        rows, replies = zip(*store.rows(indices), strict=True)
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
