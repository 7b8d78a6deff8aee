"""Objectives that learn from examples: what is stored of each, and batches of similar length."""

import abc
import functools
import hashlib
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo import data
from tfzoo.errors import UsageError
from tfzoo.tasks.task import Task


class ExampleTask(Task):
    """A task that says what is stored of an example, and how stored examples become a batch.

    Rows are padded to the smallest of a few lengths that holds the whole batch, the longest of
    which is the `sequence_length`; longer examples are cut to it.

    Attributes:
        length_columns: tuple of str. Columns whose longest decides how long an example is.
        column_options: tuple of str. The options that change what the columns hold.
    """

    length_columns: ClassVar[tuple[str, ...]] = ("token_ids",)
    column_options: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def columns(self) -> dict[str, Callable]:
        """What is stored: name -> function of an example to a list of ids, an int or a float."""

    @property
    def recipe(self) -> str:
        """SHA-256 (hex) of all that decides what the columns hold."""
        options = [(name, getattr(self, name)) for name in self.column_options]
        parts = type(self).__name__, self.tokenizer.fingerprint, self.labels, options
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def examples(self, store, sequence_length: int):
        """The store as `batch` reads it: what is no longer a store's example has its own rows."""
        del sequence_length
        return store

    @abc.abstractmethod
    def batch(self, store, indices: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """These examples as rows of `length` tokens, all of weight 1."""

    def shortest_row(self, store) -> int:
        """Tokens that a row must have room for: special ones, and one of each text."""
        del store
        return 1

    def training_batches(
        self, store, *, sequence_length, global_batch_size, seed, first_step=1, rows=None
    ):
        store = self.examples(store, sequence_length)
        drawn = functools.partial(
            data.example_batches,
            store,
            length_columns=self.length_columns,
            lengths=data.examples.bucket_lengths(sequence_length),
            global_batch_size=global_batch_size,
            seed=seed,
            first_step=first_step,
            rows=rows,
        )
        self._check_room(store, sequence_length)
        return self._dataset(store, drawn)

    def evaluation_batches(self, store, *, sequence_length, batch_size, shard=(0, 1)):
        store = self.examples(store, sequence_length)
        drawn = functools.partial(
            data.evaluation_example_batches,
            store,
            length_columns=self.length_columns,
            lengths=data.examples.bucket_lengths(sequence_length),
            batch_size=batch_size,
            shard=shard,
        )
        self._check_room(store, sequence_length)
        return self._dataset(store, drawn)

    def num_evaluation_batches(self, store, *, sequence_length, batch_size, num_shards=1):
        return data.num_evaluation_example_batches(
            self.examples(store, sequence_length), batch_size=batch_size, num_shards=num_shards
        )

    def _check_room(self, store, sequence_length):
        shortest = self.shortest_row(store)
        if sequence_length < shortest:
            raise UsageError(
                f"--sequence_length={sequence_length} is too short: a row takes at least "
                f"{shortest} tokens here, special ones included."
            )

    def _dataset(self, store, drawn):
        """The batches that are drawn; rows of weight 0 stay so."""

        def made(chosen):
            batch = self.batch(store, chosen.indices, chosen.length)
            weights = batch["weights"]
            row_weights = chosen.weights.reshape([-1] + [1] * (weights.ndim - 1))
            return {**batch, "weights": weights * row_weights}

        first = made(next(drawn()))
        spec = {
            name: tf.TensorSpec([len(x)] + [None] * (x.ndim - 1), x.dtype)
            for name, x in first.items()
        }
        batches = tf.data.Dataset.from_generator(lambda: map(made, drawn()), output_signature=spec)
        options = tf.data.Options()
        options.autotune.enabled = False  # Taking it down can wait for seconds.
        options.deterministic = True
        return batches.prefetch(2).with_options(options)
