"""A text or a pair of texts with a label: how it is stored, batched, and read by a model."""

import abc
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.padding import padded, padding_id, padding_mask
from tfzoo.tasks.states import hidden_states

_ALONE = -1  # Stands for the length of the first text where there is no second.


class LabelledTask(ExampleTask):
    """A task whose head reads the pooled state of a text, or of a pair, with one target a row.

    Too long a pair loses the last tokens of the longer text first.

    Attributes:
        head: str. Name of the model's head.
    """

    kinds: ClassVar = ("encoder", "decoder")
    head: ClassVar[str]

    def columns(self):
        return {
            "token_ids": self._token_ids,
            "num_first": self._num_first,
            "label": lambda example: self.target(example["label"]),
        }

    @abc.abstractmethod
    def target(self, label):
        """What is stored of a label: an int or a float."""

    def shortest_row(self, store):
        is_pair = bool(np.any(store.scalars("num_first") != _ALONE))
        return self.tokenizer.layout.num_specials(is_pair) + (2 if is_pair else 1)

    def batch(self, store, indices, length):
        stored = zip(
            store.rows("token_ids", indices), store.scalars("num_first")[indices], strict=True
        )
        parts = [self._parts(row.tolist(), int(num_first)) for row, num_first in stored]
        joined = [self.tokenizer.join_ids(*texts, max_length=length) for texts in parts]
        token_ids = [row.token_ids for row in joined]
        return {
            "token_ids": padded(token_ids, length, padding_id(self.tokenizer)),
            "segment_ids": padded([row.segment_ids for row in joined], length),
            "padding_mask": padding_mask(token_ids, length),
            "labels": np.array(store.scalars("label")[indices]),
            "weights": np.ones(len(indices), np.float32),
        }

    def outputs(self, model, batch, training=None):
        """float32 (b, n): what the head makes of each row."""
        hidden = hidden_states(model, batch, training)
        pooled = model.pooled(hidden, batch["padding_mask"])
        return tf.cast(model.heads[self.head](pooled, training=training), tf.float32)

    def _token_ids(self, example):
        return self.tokenizer.join(example["text"], example.get("text_pair")).token_ids

    def _num_first(self, example):
        """Tokens of the first text of a pair."""
        if example.get("text_pair") is None:
            return _ALONE
        return len(self.tokenizer.encode_batch([example["text"]])[0])

    def _parts(self, token_ids, num_first):
        """The ids of the text, or of both, without special ones."""
        layout = self.tokenizer.layout
        inner = token_ids[len(layout.before) : len(token_ids) - len(layout.after)]
        if num_first == _ALONE:
            return (inner,)
        return inner[:num_first], inner[num_first + len(layout.between) :]
