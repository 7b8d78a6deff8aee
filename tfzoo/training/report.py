"""What a run tells of itself, at the steps where it should."""


class Report:
    """Hands steps and evaluations on to what shows and keeps them; only the chief has any of these.

    Args:
        config: TrainConfig.
        metrics: Metrics, or None.
        progress: Progress, or None.
        on_evaluation: function of the step, or None.
    """

    def __init__(self, config, metrics=None, progress=None, on_evaluation=None):
        self._config = config
        self._metrics = metrics
        self._progress = progress
        self._on_evaluation = on_evaluation

    def steps(self, records, seconds):
        """Writes the rows that are due among these steps, and moves the progress on.

        Args:
            records: list of StepRecord.
            seconds: float, what all of them took.
        """
        tokens_per_second = sum(record.num_targets for record in records) / seconds
        for record in records:
            if self._metrics and self._is_due(record.step):
                self._metrics.write(
                    record.step, **_row(record, self._config), tokens_per_second=tokens_per_second
                )
        if self._progress and records:
            last = records[-1]
            self._progress.update(last.step, last.loss, tokens_per_second)

    def evaluation(self, step, score):
        """Writes the row of an evaluation, the model having the weights that were evaluated."""
        if self._metrics:
            results = dict(score.results)
            self._metrics.write(step, validation_loss=results.pop("loss"), **results)
        if self._on_evaluation:
            self._on_evaluation(step)

    def _is_due(self, step):
        return step % self._config.log_every_steps == 0 or step == self._config.train_steps


def _row(record, config):
    row = {
        "loss": record.loss,
        "learning_rate": record.learning_rate,
        "gradient_norm": record.gradient_norm,
    }
    if config.precision == "mixed_float16":
        row["loss_scale"] = record.loss_scale
    return row
