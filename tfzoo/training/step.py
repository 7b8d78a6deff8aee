"""The training step on all replicas, and several of them in one graph between looks by the host."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfzoo import kernels, layers
from tfzoo.kernels.bfloat16 import product_dtype
from tfzoo.training import schedules

_NUM_VALUES = 5  # Of a record, the step not counted.


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """What one step gave.

    Attributes:
        step: int, from 1.
        loss: float, nats a target, before the update.
        gradient_norm: float, before clipping.
        learning_rate: float.
        loss_scale: float; 1 unless the precision is mixed_float16. It is the one after the step.
        num_targets: int, of all replicas.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    loss_scale: float
    num_targets: int

    @property
    def is_finite(self):
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient_norm))


class TrainingSteps:
    """Runs training steps.

    Each replica sums losses and gradients over its microbatches; the sums are added over all
    replicas and divided by the number of targets of the whole batch; then each replica makes the
    same update. So a step depends on the batch alone, up to rounding, not on how it was cut.

    Args:
        config: TrainConfig.
        distribution: Distribution.
        model: Keras model, made under the distribution's scope.
        task: gives `loss(model, batch, training, label_smoothing)`, the sum over targets.
        optimizer: AdamW.
        loss_scale: LossScale, or None.
    """

    def __init__(self, config, distribution, model, task, optimizer, loss_scale=None):
        self.config = config
        self.distribution = distribution
        self.model = model
        self.task = task
        self.optimizer = optimizer
        self.loss_scale = loss_scale
        self._variables = model.trainable_variables
        self._frozen = [v for v in model.weights if not v.trainable]
        self._num_streams = num_streams(config, distribution, model.config)
        self._part_sums = kernels.streams.branch(self._sums_of_part, self._num_streams)
        self._run = tf.function(self._loop, autograph=False)
        self._one = self._step
        if config.jit == "true":
            self._one = tf.function(self._step, autograph=False, jit_compile=True)

    def __call__(self, iterator, first_step, num_steps):
        """Runs steps up to `num_steps` of them, fewer if one fails: then it is the last returned.

        A failed step has changed no weight.

        Args:
            iterator: of the distributed batches, its next one being that of `first_step`.
            first_step: int, from 1.
            num_steps: int > 0.

        Returns:
            list of StepRecord.
        """
        rows = self._run(iterator, tf.constant(first_step), tf.constant(num_steps))
        return [
            StepRecord(first_step + i, *(float(x) for x in row[:-1]), num_targets=int(row[-1]))
            for i, row in enumerate(rows.numpy())
        ]

    def failed(self, record):
        """Whether training must stop: not a finite number, or a loss scale below 1."""
        return record.loss_scale < 1.0 if self.loss_scale else not record.is_finite

    def _loop(self, iterator, first_step, num_steps):
        def more(i, good, records):
            del records
            return good & (i < num_steps)

        def body(i, good, records):
            del good
            values, good = self._one(next(iterator), first_step + i)
            return i + 1, good, records.write(i, values)

        records = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[_NUM_VALUES])
        with kernels.compiled(self.config.jit == "auto"):
            start = (tf.constant(0), tf.constant(True), records)
            *_, records = tf.while_loop(more, body, start)
        return records.stack()

    def _step(self, batch, step):
        """One step: the values of a record, float32 (5,), and whether training may go on, bool."""
        factor = self._loss_factor(batch)
        sums = self.distribution.strategy.run(self._sums, args=(batch, step, factor))
        sums = [self.distribution.local(x) for x in sums]
        rate = schedules.learning_rate(self.config, step)
        outcomes = []
        for replica in range(self.distribution.num_local_replicas):
            loss_sum, num_targets, *gradients = (x[replica] for x in sums)
            with tf.device(loss_sum.device):
                loss = loss_sum / num_targets
                norm, applied = self.optimizer.apply(
                    replica,
                    gradients,
                    gradient_scale=1.0 / (factor * num_targets),
                    learning_rate=rate,
                    loss=loss,
                )
                scale, good = self._next_loss_scale(replica, applied)
                outcomes.append((tf.stack([loss, norm, rate, scale, num_targets]), good))
        return outcomes[0]

    def _next_loss_scale(self, replica, applied):
        if self.loss_scale is None:
            return 1.0, applied
        scale = self.loss_scale.update(replica, applied)
        return scale, scale >= 1.0

    def _loss_factor(self, batch):
        """What the loss is multiplied by before the backward pass: 1, or for float16 its scale.

        The scale is that of the mean loss, over all places of the global batch: a sum over
        thousands of targets would leave float16's range.
        """
        if self.loss_scale is None:
            return 1.0
        weights = self.distribution.local(batch["weights"])[0]
        num_places = tf.size(weights) * self.distribution.num_replicas
        scale = self.distribution.local(self.loss_scale.value)[0]
        return scale / tf.cast(num_places, tf.float32)

    def _sums(self, batch, step, factor):
        """On one replica: loss, number of targets and gradients, summed over all replicas."""
        rows = self.config.global_batch_size // self.distribution.num_replicas
        batch = {name: tf.ensure_shape(x, [rows, *x.shape[1:]]) for name, x in batch.items()}
        if self.config.num_microbatches == 1:
            sums = self._microbatch_sums(batch, step, 0, factor)
        else:
            sums = self._accumulated_sums(batch, step, factor)
        if self.distribution.num_replicas == 1:
            return sums
        sums = [kernels.wide_sum([x]) for x in sums]
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, sums)

    def _accumulated_sums(self, batch, step, factor):
        parts = self.config.num_microbatches
        rows = batch["weights"].shape[0] // parts

        def body(i, sums):
            part = {name: x[i * rows : (i + 1) * rows] for name, x in batch.items()}
            part = {name: tf.ensure_shape(x, [rows, *x.shape[1:]]) for name, x in part.items()}
            new = self._microbatch_sums(part, step, i, factor)
            return i + 1, [kernels.wide_sum([total, x]) for total, x in zip(sums, new, strict=True)]

        zeros = [tf.zeros(shape) for shape in ([], [], *(w.shape for w in self.optimizer.weights))]
        _, sums = tf.while_loop(lambda i, _: i < parts, body, (0, zeros), maximum_iterations=parts)
        return sums

    def _microbatch_sums(self, batch, step, index, factor):
        parts = kernels.streams.cut(batch, self._num_streams)
        variables = self._variables + self._frozen
        weights = layers.weights_at_hand(variables, product_dtype(self.model.compute_dtype))
        sums = [
            self._part_sums(part, weights, self._seed(step, index, i, len(parts)), factor)
            for i, part in enumerate(parts)
        ]
        if len(sums) == 1:
            return sums[0]
        return [kernels.wide_sum(terms) for terms in zip(*sums, strict=True)]

    def _sums_of_part(self, batch, weights, seed, factor):
        smoothing = self.config.label_smoothing
        trained, variables = weights[: len(self._variables)], self._variables + self._frozen
        with layers.dropout_seed(seed), layers.in_place_of(variables, weights):
            with tf.GradientTape() as tape:
                tape.watch(trained)
                loss = self.task.loss(self.model, batch, training=True, label_smoothing=smoothing)
                scaled = loss * factor if self.loss_scale else loss
            gradients = tape.gradient(  # Within: a block that is computed anew drops the same.
                scaled, trained, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        return [loss, tf.reduce_sum(batch["weights"]), *map(tf.convert_to_tensor, gradients)]

    def _seed(self, step, microbatch, part=0, num_parts=1):
        """int32 (3,), for dropout: of the run, of the step, and the part's place in the batch."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        microbatch += replica * self.config.num_microbatches
        return tf.stack([self.config.seed, step, microbatch * num_parts + part])


def num_streams(config, place, model):
    """The parts of a microbatch that one replica computes side by side, 1 or 2.

    Args:
        config: TrainConfig.
        place: Distribution, or the `distribution.Place` that tells of it.
        model: ModelConfig, which says how long a row is at the most, and how wide the model.
    """
    rows = config.global_batch_size // (config.num_microbatches * place.num_replicas)
    if place.num_local_replicas > 1 or config.jit == "true" or rows % 2:
        return 1  # Other replicas use the cores, one program is one branch, no row is halved.
    return kernels.streams.num_streams(rows * model.max_sequence_length, model.hidden_dim)
