"""Objectives whose rows are made of a token store, with random numbers for each."""

import abc

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tasks.feeding import Rows
from tfzoo.tasks.task import Task


class TooLittleText(UsageError):
    """A store without a row.

    Args:
        fault: str, what the text lacks.
        remedy: str, for who trains.

    Attributes:
        fault: str.
    """

    def __init__(self, fault: str, remedy: str):
        super().__init__(f"{fault} {remedy}")
        self.fault = fault


class TextRowsTask(Task):
    """A task that says what its rows are; its batches follow."""

    @abc.abstractmethod
    def rows(self, store, sequence_length: int) -> Rows:
        """The rows of a token store."""

    def training_batches(
        self, store, *, sequence_length, global_batch_size, seed, first_step=1, rows=None
    ):
        return self.rows(store, sequence_length).training_batches(
            global_batch_size=global_batch_size, seed=seed, first_step=first_step, rows=rows
        )

    def evaluation_batches(self, store, *, sequence_length, batch_size, shard=(0, 1)):
        rows = self.rows(store, sequence_length)
        return rows.evaluation_batches(batch_size=batch_size, shard=shard)

    def num_evaluation_batches(self, store, *, sequence_length, batch_size, num_shards=1):
        rows = self.rows(store, sequence_length)
        return rows.num_evaluation_batches(batch_size=batch_size, num_shards=num_shards)


class Windows:
    """The text as windows of `length` tokens that follow each other, end-of-texts among them.

    The last window is whole too: it begins before the end of the one before it.

    Raises:
        TooLittleText: if the text is shorter than one.
    """

    def __init__(self, store, length: int):
        if length < 1 or store.num_tokens < length:
            raise TooLittleText(
                f"A row takes {length} tokens of text, and the text has {store.num_tokens}.",
                "Give more of it or another --sequence_length.",
            )
        self.store = store
        self.length = length

    def __len__(self) -> int:
        return -(-self.store.num_tokens // self.length)

    def __getitem__(self, number: int) -> np.ndarray:
        """int32 (length,)."""
        first = min(number * self.length, self.store.num_tokens - self.length)
        return self.store.read(first, first + self.length).astype(np.int32)
