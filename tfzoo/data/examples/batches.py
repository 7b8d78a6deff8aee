"""Batches of examples of similar length, as a pure function of (seed, step).

Row r of step s is number n = (s - 1) * b + r of all rows, and belongs to epoch n // N, for a store
of N examples and b rows a batch: each epoch holds each example once. An epoch takes the examples in
its own permutation and cuts it into pools of 50 batches. In a pool the examples are sorted by
length and cut into batches again, and these come in an order of their own. A batch in which one
epoch ends and the next begins stays as the permutations have it.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from tfzoo.data.examples.store import ExampleStore
from tfzoo.data.permutation import permuted

POOL_BATCHES = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExampleBatch:
    """Which examples a batch holds, r of them, and how long their rows are to be made.

    Attributes:
        step: number of the batch; training steps count from 1, evaluation batches from 0.
        indices: int64 (r,), places in the store.
        weights: float32 (r,), 0 where a row only fills up the batch.
        length: the smallest of `lengths` that holds all examples of the step (of every
            worker), or the largest if none does: longer ones are to be cut.
    """

    step: int
    indices: np.ndarray
    weights: np.ndarray
    length: int


def bucket_lengths(longest: int, shortest: int = 16) -> tuple[int, ...]:
    """Lengths to pad to, each a third or a half more than the one before: 16, 24, 32, 48, 64 ..."""
    steps = (shortest * 2**k * half // 2 for k in range(32) for half in (2, 3))
    return (*(length for length in steps if length < longest), longest)


def example_batches(
    store: ExampleStore,
    *,
    length_columns: Sequence[str],
    lengths: Sequence[int],
    global_batch_size: int,
    seed: int,
    first_step: int = 1,
    rows: tuple[int, int] | None = None,
) -> Iterator[ExampleBatch]:
    """Batches without end; any step is reached at once.

    Args:
        store: the examples.
        length_columns: columns of token ids. An example is as long as its longest one.
        lengths: ascending, the lengths that rows may be padded to.
        global_batch_size: b, rows a step, of all workers together.
        seed: seed of the order.
        first_step: step of the first batch; steps count from 1.
        rows: (start, stop), the rows of each step to give; None means all.
    """
    sizes = _sizes(store, length_columns)
    order = _Order(sizes, global_batch_size, seed)
    start, stop = rows or (0, global_batch_size)
    step = first_step
    while True:
        indices = order.batch(step)
        yield ExampleBatch(
            step=step,
            indices=indices[start:stop],
            weights=np.ones(stop - start, np.float32),
            length=_padded_length(sizes[indices], lengths),
        )
        step += 1


def num_evaluation_example_batches(
    store: ExampleStore, *, batch_size: int, num_shards: int = 1
) -> int:
    """Number of batches of each shard of `evaluation_example_batches`."""
    return -(-store.num_examples // (batch_size * num_shards))


def evaluation_example_batches(
    store: ExampleStore,
    *,
    length_columns: Sequence[str],
    lengths: Sequence[int],
    batch_size: int,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[ExampleBatch]:
    """Each example once over all shards, by length.

    Args:
        store: the examples.
        length_columns: as in `example_batches`.
        lengths: likewise.
        batch_size: rows a batch of one shard.
        shard: (index, count). Each shard gives the same number of batches, of the same lengths;
            rows of weight 0 fill up the last.
    """
    index, count = shard
    sizes = _sizes(store, length_columns)
    order = np.argsort(sizes, kind="stable")
    lanes = np.arange(count * batch_size)
    own = slice(index * batch_size, (index + 1) * batch_size)
    batches = num_evaluation_example_batches(store, batch_size=batch_size, num_shards=count)
    for number in range(batches):
        places = number * count * batch_size + lanes
        indices = order[np.minimum(places, len(order) - 1)]
        yield ExampleBatch(
            step=number,
            indices=indices[own],
            weights=(places < len(order)).astype(np.float32)[own],
            length=_padded_length(sizes[indices], lengths),
        )


class _Order:
    """The examples of each step. `sizes` int32 (N,) are the lengths of the examples."""

    def __init__(self, sizes, batch_size, seed):
        self._sizes, self._batch_size, self._seed = sizes, batch_size, seed
        self._pool = functools.lru_cache(maxsize=1)(self._sorted_pool)

    def batch(self, step: int) -> np.ndarray:
        """int64 (b,)."""
        first = (step - 1) * self._batch_size
        epochs, places = np.divmod(first + np.arange(self._batch_size), len(self._sizes))
        if epochs[0] != epochs[-1]:
            return self._permuted(places, epochs)
        number = (int(places[0]) - self._head(epochs[0])) // self._batch_size
        pool, place = divmod(number, POOL_BATCHES)
        return self._pool(int(epochs[0]), pool)[place]

    def _sorted_pool(self, epoch, pool):
        """int64 (batches, b): a pool's batches, in their order."""
        size, head = self._batch_size, self._head(epoch)
        batches = (len(self._sizes) - head) // size
        count = min(POOL_BATCHES, batches - pool * POOL_BATCHES)
        places = head + pool * POOL_BATCHES * size + np.arange(count * size)
        examples = self._permuted(places, np.full_like(places, epoch))
        examples = examples[np.argsort(self._sizes[examples], kind="stable")].reshape(count, size)
        pools = -(-batches // POOL_BATCHES)
        keys = np.full(count, epoch * pools + pool)
        return examples[permuted(np.arange(count), count, seed=~self._seed, epochs=keys)]

    def _permuted(self, places, epochs):
        return permuted(places, len(self._sizes), seed=self._seed, epochs=epochs)

    def _head(self, epoch):
        """How many of an epoch's rows stand in a batch with rows of the epoch before."""
        return int(-epoch * len(self._sizes) % self._batch_size)


def _sizes(store, columns):
    """int32 (num_examples,): the longest of the columns."""
    return functools.reduce(np.maximum, (store.lengths(column) for column in columns))


def _padded_length(sizes, lengths):
    return int(lengths[min(np.searchsorted(lengths, sizes.max()), len(lengths) - 1)])
