"""Similarity: how near two texts are, each read by itself."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.layers.sentence_embedding import SentenceEmbeddingHead
from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.numbers import NumberTask
from tfzoo.tasks.padding import padded, padding_id, padding_mask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Similarity(NumberTask, ExampleTask):
    """Makes the product of two sentence embeddings, their cosine, a given number from -1 to 1.

    Reimers & Gurevych (2019, arXiv:1908.10084, section 3, "regression objective function"): the
    squared error of the cosine. Both texts are read by the same model.
    """

    kinds: ClassVar = ("encoder",)
    length_columns: ClassVar = ("token_ids", "second_token_ids")
    head: ClassVar = "sentence_embedding"

    def heads(self):
        return {self.head: SentenceEmbeddingHead()}

    def columns(self):
        return {
            "token_ids": lambda example: self._encoded(example["text"]),
            "second_token_ids": lambda example: self._encoded(_second(example)),
            "label": _cosine,
        }

    def shortest_row(self, store):
        del store
        return self.tokenizer.layout.num_specials(is_pair=False) + 1

    def batch(self, store, indices, length):
        batch = {
            "labels": np.array(store.scalars("label")[indices]),
            "weights": np.ones(len(indices), np.float32),
        }
        for column in self.length_columns:
            joined = [
                self.tokenizer.join_ids(row.tolist(), max_length=length).token_ids
                for row in store.rows(column, indices)
            ]
            batch[column] = padded(joined, length, padding_id(self.tokenizer))
            batch[_mask_of(column)] = padding_mask(joined, length)
        return batch

    def found(self, model, batch, training=None):
        """The cosines, float32 (b,)."""
        first, second = (
            model.heads[self.head](
                model.hidden_states(
                    batch[column], padding_mask=batch[_mask_of(column)], training=training
                ),
                padding_mask=batch[_mask_of(column)],
            )
            for column in self.length_columns
        )
        return tf.reduce_sum(first * second, -1)

    def _encoded(self, text):
        return self.tokenizer.encode_batch([text])[0]


def _mask_of(column):
    return column.replace("token_ids", "padding_mask")


def _second(example):
    if example.get("text_pair") is None:
        raise UsageError(
            "--task=similarity compares two texts a row, and there is but one. Name the field of "
            "the second by --text_pair_field."
        )
    return example["text_pair"]


def _cosine(example):
    """The label, which a cosine can reach."""
    label = float(example["label"])
    if not -1.0 <= label <= 1.0:
        raise UsageError(
            f"--task=similarity learns cosines, from -1 to 1, and a row has the label {label:g}. "
            "Divide all of them by the largest (5 in STS-B)."
        )
    return label
