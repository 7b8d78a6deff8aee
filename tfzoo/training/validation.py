"""How well a model predicts a text, in nats a token and in bits a byte, on all replicas."""

import dataclasses
import math
import time

import numpy as np
import tensorflow as tf

from tfzoo import kernels
from tfzoo.training.pace import Pace, StopSignals


@dataclasses.dataclass(frozen=True)
class TextScore:
    """The sums over a text that was predicted.

    Attributes:
        nats: float, minus the log likelihood of all targets.
        num_targets: int, tokens predicted.
        num_bytes: int, bytes of those tokens; special tokens have none.
    """

    nats: float
    num_targets: int
    num_bytes: int

    @property
    def loss(self):
        """Nats a target."""
        return self.nats / self.num_targets if self.num_targets else math.nan

    @property
    def perplexity(self):
        """`exp(loss)`, or infinity above what a float can be."""
        return math.inf if self.loss > 700 else math.exp(self.loss)

    @property
    def bits_per_byte(self):
        """Bits for each byte of text: comparable between tokenizers."""
        return self.nats / math.log(2.0) / self.num_bytes if self.num_bytes else math.nan


class Validation:
    """Scores batches of text.

    Args:
        distribution: Distribution.
        model: Keras model, made under the distribution's scope.
        task: gives `loss(model, batch, training)`, the sum over targets.
        token_bytes: list of bytes, what each token id stands for.
        compiled: bool. Whether kernels run as XLA clusters.
    """

    def __init__(self, distribution, model, task, token_bytes, *, compiled=True):
        self.distribution = distribution
        self.model = model
        self.task = task
        self.compiled = compiled
        self._lengths = np.array([len(token) for token in token_bytes], np.int32)
        self._num_streams = (
            1 if distribution.num_local_replicas > 1 else kernels.streams.num_streams()
        )
        self._part_sums = kernels.streams.branch(self._sums_of_part, self._num_streams)
        self._run = tf.function(self._loop, autograph=False)

    def __call__(self, batches, num_batches, signals=None):
        """Scores the first batches.

        Args:
            batches: iterable that `Distribution.batches` gave.
            num_batches: int.
            signals: StopSignals, or None: nothing stops it.

        Returns:
            TextScore, or None if a signal came before the end.
        """
        signals = signals or StopSignals()
        pace, iterator = Pace(self.distribution, signals), iter(batches)
        done, sums = 0, np.zeros(3)
        while done < num_batches:
            steps, started = pace.steps(num_batches - done), time.monotonic()
            sums += self._run(iterator, tf.constant(steps)).numpy()
            done += steps
            pace.report(steps, time.monotonic() - started)
            if signals.agreed and done < num_batches:
                return None
        return TextScore(float(sums[0]), int(sums[1]), int(sums[2]))

    def _loop(self, iterator, num_batches):
        def body(i, sums):
            batch_sums = self.distribution.strategy.run(self._sums, args=(next(iterator),))
            return i + 1, sums + self.distribution.local(batch_sums)[0]

        start = (tf.constant(0), tf.zeros([3], tf.float64))
        with kernels.compiled(self.compiled):
            return tf.while_loop(lambda i, _: i < num_batches, body, start)[1]

    def _sums(self, batch):
        """On one replica: nats, targets and bytes, float64 (3,), summed over all replicas."""
        sums = tf.add_n(
            [self._part_sums(part) for part in kernels.streams.cut(batch, self._num_streams)]
        )
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, sums)

    def _sums_of_part(self, batch):
        weights = tf.cast(batch["weights"], tf.float64)
        lengths = tf.cast(tf.gather(self._lengths, batch["targets"]), tf.float64)
        nats = tf.cast(self.task.loss(self.model, batch, training=False), tf.float64)
        return tf.stack([nats, tf.reduce_sum(weights), tf.reduce_sum(weights * lengths)])
