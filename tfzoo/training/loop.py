"""The training loop: steps on the devices, and between them logs, evaluations and checkpoints."""

import time
from pathlib import Path

import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.kernels.adamw import AdamWOptions
from tfzoo.models.adapters import is_base
from tfzoo.training.layer_rates import rate_scales
from tfzoo.training.optimizer import AdamW, LossScale
from tfzoo.training.pace import Pace, Stopped, StopSignals
from tfzoo.training.profile import Profile
from tfzoo.training.report import Report
from tfzoo.training.state import assign_arrays, read_arrays
from tfzoo.training.step import TrainingSteps
from tfzoo.training.validation import TOKENS_A_BATCH, Validation

_LOST_WORKER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class TrainingFailed(RuntimeError):
    """Training cannot go on. The checkpoints saved so far are good."""


class Trainer:
    """Trains a model from its newest checkpoint, or from the start, to the last step.

    Batches, dropout and the learning rate are functions of the configuration and the step alone, so
    a run that was stopped and started again gives the numbers of one that never stopped.

    Args:
        config: TrainConfig.
        distribution: Distribution.
        model: Keras model, made under `distribution.scope()` from the same seed on every worker.
        task: tasks.Task.
        split: has the stores `train` and `validation`, of the task's kind of data.
        checkpoints: Checkpoints. All workers read them, the chief writes them.

    Attributes:
        step: int, steps trained so far.
    """

    def __init__(self, config, *, distribution, model, task, split, checkpoints):
        self.config = config
        self.distribution = distribution
        self.model = model
        self.task = task
        self.split = split
        self.checkpoints = checkpoints
        self.step = 0
        self._score_due = False
        with distribution.scope():
            options = AdamWOptions(
                second_decay=config.adam_beta2,
                weight_decay=config.weight_decay,
                ema_decay=config.ema_decay,
                multiply_by_parameter_scale=config.multiply_by_parameter_scale,
                rate_scales=rate_scales(model, config.layer_decay),
            )
            self.optimizer = AdamW(
                distribution, model.trainable_variables, options, clip_norm=config.clip_norm
            )
            scaled = config.precision == "mixed_float16"
            self.loss_scale = LossScale(distribution) if scaled else None
        self._steps = TrainingSteps(
            config, distribution, model, task, self.optimizer, self.loss_scale
        )
        self._validation = Validation(distribution, model, task, compiled=config.jit != "false")

    def restore(self):
        """Takes up the newest good checkpoint, if there is one.

        Returns:
            int, the steps that are done.

        Raises:
            UsageError: if it holds other variables, or the workers do not all see the same one.
        """
        checkpoint = self.checkpoints.restore()
        if checkpoint is not None:
            assign_arrays(self.distribution, self._variables(), checkpoint.arrays)
            self.step = checkpoint.step
            self._score_due = checkpoint.state["score_due"]
        total = self.distribution.sum_over_workers([float(self.step)])[0]
        if total != self.step * self.distribution.num_workers:
            raise UsageError(
                f"The newest checkpoint is of step {self.step} for this worker, of another for "
                "others. --model_dir must be one folder that all workers share."
            )
        return self.step

    def begin_with(self, weights):
        """Gives weights of the model, and the averages of these that are kept, first values.

        Args:
            weights: dict of paths to numpy arrays of their shapes.
        """
        every = {f"model/{weight.path}": weight.value for weight in self.model.weights}
        every |= self.optimizer.named_variables()
        arrays = {f"{group}/{path}": x for group in ("model", "ema") for path, x in weights.items()}
        arrays = {name: x for name, x in arrays.items() if name in every}
        variables = {name: every[name] for name in arrays}
        assign_arrays(self.distribution, variables, arrays)

    def saved_weights(self):
        """Those that checkpoints hold, by path: all, but of a model with adapters not its base."""
        has_adapters = self.model.adapters is not None
        saved = [w for w in self.model.weights if not (has_adapters and is_base(w))]
        return {weight.path: weight.value for weight in saved}

    def fit(self, metrics=None, progress=None, on_evaluation=None):
        """Trains up to the last step.

        Args:
            metrics: Metrics, or None. Gets the rows of steps and of evaluations.
            progress: Progress, or None.
            on_evaluation: function of the step, or None. It is called after an evaluation, while
                the model still has the weights that were evaluated (the average, if one is kept).

        Raises:
            TrainingFailed: when a number is not finite, or another worker is lost.
            Stopped: on SIGTERM and SIGINT, once a checkpoint is saved.
        """
        outputs = (metrics, progress, on_evaluation) if self.distribution.is_chief else ()
        profiled = self.config.profile_steps if self.distribution.is_chief else ()
        profile = Profile(profiled, Path(self.config.model_dir) / "tensorboard")
        try:
            with StopSignals() as signals:
                self._fit(Report(self.config, *outputs), profile, signals)
        except _LOST_WORKER as error:
            if self.distribution.num_workers == 1:
                raise
            raise TrainingFailed(
                f"Another worker was lost after step {self.step}: {error.message}\n"
                "Start the same command again on every worker: it goes on from the last checkpoint."
            ) from error
        finally:
            profile.close()

    def evaluate(self, signals=None):
        """Scores the validation part with the model's present weights.

        Args:
            signals: StopSignals, or None.

        Returns:
            Score, or None if a signal came first.
        """
        length = self.model.config.max_sequence_length
        rows_trained = self._rows_per_replica() // self.config.num_microbatches
        rows_per_replica = max(rows_trained, TOKENS_A_BATCH // length)
        sizes = {
            "sequence_length": length,
            "batch_size": rows_per_replica * self.distribution.num_local_replicas,
        }

        def make_batches(worker, num_workers, _):
            shard = (worker, num_workers)
            return self.task.evaluation_batches(self.split.validation, **sizes, shard=shard)

        num_batches = self.task.num_evaluation_batches(
            self.split.validation, **sizes, num_shards=self.distribution.num_workers
        )
        batches = self.distribution.batches(make_batches, rows_per_replica)
        return self._validation(batches, num_batches, signals)

    def _fit(self, report, profile, signals):
        if self._score_due:
            self._look(report, signals)
        pace, batches = Pace(self.distribution, signals), iter(self._training_batches())
        while self.step < self.config.train_steps:
            profile.look(self.step)
            steps, started = pace.steps(self._next_look(profile) - self.step), time.monotonic()
            records = self._steps(batches, self.step + 1, steps)
            seconds = time.monotonic() - started
            self._take(records, seconds, report)
            pace.report(steps, seconds)
            self._look(report, signals)

    def _take(self, records, seconds, report):
        """Counts the steps that were made, and ends the run if the last of them failed."""
        failed = records[-1] if self._steps.failed(records[-1]) else None
        good = records[:-1] if failed else records
        self.step += len(good)
        report.steps(good, seconds)
        if failed:
            raise TrainingFailed(
                f"Step {failed.step} gave loss {failed.loss} and gradient norm "
                f"{failed.gradient_norm}: the weights were not updated. Lower --learning_rate, "
                "lengthen --warmup_steps, or look at the text. The last good checkpoint is kept."
            )

    def _look(self, report, signals):
        """Between two runs of steps: evaluates and saves if it is time to, stops if asked to."""
        was_due, score = self._score_due, None
        if was_due or self._is_due(self.config.eval_every_steps):
            score = None if signals.agreed else self._score(report, signals)
            self._score_due = score is None
        if signals.agreed or was_due or self._is_due(self.config.checkpoint_every_steps):
            self._save(score)
        if signals.agreed:
            raise Stopped(signals.agreed)

    def _score(self, report, signals):
        with self.optimizer.averaged():
            score = self.evaluate(signals)
            if score is not None:
                report.evaluation(self.step, score)
        return score

    def _save(self, score):
        if self.distribution.is_chief:
            self.checkpoints.save(
                self.step,
                read_arrays(self.distribution, self._variables()),
                {"score_due": self._score_due},
                score.loss if score else None,
            )
        self.distribution.sum_over_workers([0.0])  # No worker leaves before the chief has saved.

    def _variables(self):
        """Everything that a later start needs, by the names of the checkpoint."""
        model = {f"model/{path}": variable for path, variable in self.saved_weights().items()}
        scale = self.loss_scale.named_variables() if self.loss_scale else {}
        return {**model, **self.optimizer.named_variables(), **scale}

    def _training_batches(self):
        config = self.config

        def make_batches(worker, _, rows):
            return self.task.training_batches(
                self.split.train,
                sequence_length=self.model.config.max_sequence_length,
                global_batch_size=config.global_batch_size,
                seed=config.seed,
                first_step=self.step + 1,
                rows=(worker * rows, (worker + 1) * rows),
            )

        return self.distribution.batches(make_batches, self._rows_per_replica())

    def _rows_per_replica(self):
        return self.config.global_batch_size // self.distribution.num_replicas

    def _is_due(self, every):
        return self.step == self.config.train_steps or bool(every) and self.step % every == 0

    def _next_look(self, profile):
        """The number of steps after which the host has something to do."""
        config = self.config
        every = [n for n in (config.eval_every_steps, config.checkpoint_every_steps) if n]
        looks = [self.step - self.step % n + n for n in every]
        looks += [look for look in profile.looks if look > self.step]
        return min([config.train_steps, *looks])
