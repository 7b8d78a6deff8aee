"""How well a model does what its task asks, over all of a store, on all replicas."""

import dataclasses
import time

import tensorflow as tf

from tfzoo import kernels
from tfzoo.training.pace import Pace, StopSignals

TOKENS_A_BATCH = 2048  # At least, where memory was found for a step: fewer leave cores waiting.


@dataclasses.dataclass(frozen=True)
class Score:
    """What an evaluation has found.

    Attributes:
        sums: dict, name to numpy value: the task's measures, added over all batches.
        results: dict, name to float: what the task makes of the sums; "loss" is always there.
    """

    sums: dict
    results: dict

    @property
    def loss(self):
        """Nats a target, or what else the task minimizes."""
        return self.results["loss"]

    @property
    def num_targets(self):
        """int, what was predicted."""
        return int(self.sums["num_targets"])


class Validation:
    """Measures a model on batches.

    Args:
        distribution: Distribution.
        model: Keras model, made under the distribution's scope.
        task: tasks.Task, with `measures` and `results`.
        compiled: bool. Whether kernels run as XLA clusters.
    """

    def __init__(self, distribution, model, task, *, compiled=True):
        self.distribution = distribution
        self.model = model
        self.task = task
        self.compiled = compiled
        streams = kernels.streams
        self._num_streams = 1 if distribution.num_local_replicas > 1 else streams.num_streams()
        self._part_sums = streams.branch(self._sums_of_part, self._num_streams)
        self._run = tf.function(self._loop, autograph=False)

    def __call__(self, batches, num_batches, signals=None):
        """Measures the first batches.

        Args:
            batches: iterable that `Distribution.batches` gave.
            num_batches: int > 0.
            signals: StopSignals, or None: nothing stops it.

        Returns:
            Score, or None if a signal came before the end.
        """
        signals = signals or StopSignals()
        pace, iterator = Pace(self.distribution, signals), iter(batches)
        done, sums = 0, None
        while done < num_batches:
            steps, started = pace.steps(num_batches - done), time.monotonic()
            found = {name: x.numpy() for name, x in self._run(iterator, tf.constant(steps)).items()}
            sums = found if sums is None else {name: sums[name] + x for name, x in found.items()}
            done += steps
            pace.report(steps, time.monotonic() - started)
            if signals.agreed and done < num_batches:
                return None
        return Score(sums, self.task.results(sums))

    def _loop(self, iterator, num_batches):
        def body(i, sums):
            found = self._sums_of_batch(next(iterator))
            return i + 1, {name: sums[name] + found[name] for name in sums}

        with kernels.compiled(self.compiled, gradients=False):
            start = (tf.constant(1), self._sums_of_batch(next(iterator)))
            return tf.while_loop(lambda i, _: i < num_batches, body, start)[1]

    def _sums_of_batch(self, batch):
        sums = self.distribution.strategy.run(self._sums, args=(batch,))
        return {name: self.distribution.local(x)[0] for name, x in sums.items()}

    def _sums(self, batch):
        """On one replica: the measures of its rows, float64, summed over all replicas."""
        parts = [self._part_sums(part) for part in kernels.streams.cut(batch, self._num_streams)]
        sums = {name: tf.add_n([part[name] for part in parts]) for name in parts[0]}
        names = sorted(sums)
        context = tf.distribute.get_replica_context()
        added = context.all_reduce(tf.distribute.ReduceOp.SUM, [sums[name] for name in names])
        return dict(zip(names, added, strict=True))

    def _sums_of_part(self, batch):
        found = self.task.measures(self.model, batch)
        return {name: tf.cast(x, tf.float64) for name, x in found.items()}
