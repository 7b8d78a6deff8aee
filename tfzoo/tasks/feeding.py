"""Batches that Python makes row by row, and the random numbers of each: functions of their place.

An objective says how many rows a store gives and how number i of them is made from random numbers.
Row r of step s is number n = (s - 1) * global_batch_size + r of all that are trained on, and is the
store's row at place n % count of the permutation of epoch n // count.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfzoo.data.permutation import permuted

_TRAINING, _EVALUATION = 0, 1


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a store.

    Attributes:
        count: int > 0.
        make: function of a row's number and a generator of random numbers to a dict of arrays,
            of the same shapes for each row; "weights" and "..._weights" are among them.
    """

    count: int
    make: Callable[[int, np.random.Generator], dict[str, np.ndarray]]

    def training_batches(self, *, global_batch_size, seed, first_step=1, rows=None):
        """See `Task.training_batches`."""
        lanes = np.arange(*(rows or (0, global_batch_size)), dtype=np.int64)

        def make(step):
            epochs, places = np.divmod((step - 1) * global_batch_size + lanes, self.count)
            numbers = permuted(places, self.count, seed=seed, epochs=epochs)
            generators = [training_generator(seed, int(step), int(lane)) for lane in lanes]
            return _stacked(
                [self.make(int(i), g) for i, g in zip(numbers, generators, strict=True)]
            )

        return made_batches(tf.data.Dataset.counter(first_step), make, self._spec(len(lanes)))

    def evaluation_batches(self, *, batch_size, shard=(0, 1)):
        """See `Task.evaluation_batches`."""
        index, count = shard
        num_batches = self.num_evaluation_batches(batch_size=batch_size, num_shards=count)

        def make(number):
            first = (int(number) * count + index) * batch_size
            return _stacked([self._evaluation_row(first + i) for i in range(batch_size)])

        return made_batches(tf.data.Dataset.range(num_batches), make, self._spec(batch_size))

    def num_evaluation_batches(self, *, batch_size, num_shards=1):
        """See `Task.num_evaluation_batches`."""
        return -(-self.count // (batch_size * num_shards))

    def _evaluation_row(self, number):
        """A row with its own random numbers; behind the last one, the first with weight 0."""
        if number < self.count:
            return self.make(number, evaluation_generator(number))
        row = self._evaluation_row(0)
        return {name: x * (not name.endswith("weights")) for name, x in row.items()}

    def _spec(self, num_rows):
        row = self._evaluation_row(0)
        return {name: tf.TensorSpec((num_rows, *x.shape), x.dtype) for name, x in row.items()}


def made_batches(numbers: tf.data.Dataset, make, spec: dict[str, tf.TensorSpec]):
    """The batches that a Python function makes.

    Args:
        numbers: dataset of tensors.
        make: function of one of them, as a numpy value, to a dict of arrays.
        spec: the arrays' shapes and dtypes, by name.
    """

    def arrays(number):
        batch = make(number)
        return [batch[name] for name in spec]

    def element(number):
        found = tf.numpy_function(arrays, [number], [s.dtype for s in spec.values()])
        batch = zip(spec.items(), found, strict=True)
        return {name: tf.ensure_shape(x, s.shape) for (name, s), x in batch}

    options = tf.data.Options()
    options.autotune.enabled = False  # Taking it down can wait for seconds.
    options.deterministic = True
    return numbers.map(element).prefetch(2).with_options(options)


def training_generator(seed: int, step: int, row: int) -> np.random.Generator:
    """The random numbers of a row of a training step; `row` counts over all workers."""
    return _generator((seed % 2**64, step), (_TRAINING, row))


def evaluation_generator(row: int) -> np.random.Generator:
    """The random numbers of a row of an evaluation: always the same."""
    return _generator((0, 0), (_EVALUATION, row))


def _generator(key, place):
    """Philox (Salmon et al., 2011, doi:10.1145/2063384.2063405): numbers of a key and a place."""
    key, counter = np.array(key, np.uint64), np.array((0, 0, *place), np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _stacked(rows):
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
