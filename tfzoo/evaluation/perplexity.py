"""How well a model does what its task asks, as the training loop measures it."""

import tensorflow as tf

from tfzoo.training.distribution import Distribution
from tfzoo.training.validation import Validation

TOKENS_A_BATCH = 2048


def evaluate(model, task, store, *, batch_size=None):
    """Measures a model on all of a store.

    Args:
        model: a Keras model of `config.max_sequence_length`.
        task: `tasks.Task`.
        store: `data.TokenStore` or `data.examples.ExampleStore`, as the task's `data_kind` says.
        batch_size: int, rows at a time; None: as many as hold about 2048 tokens.

    Returns:
        `training.validation.Score`.
    """
    length = model.config.max_sequence_length
    batch_size = batch_size or max(1, TOKENS_A_BATCH // length)
    sizes = {"sequence_length": length, "batch_size": batch_size}
    distribution = Distribution(strategy=tf.distribute.get_strategy())
    validation = Validation(distribution, model, task)
    batches = task.evaluation_batches(store, **sizes)
    return validation(batches, task.num_evaluation_batches(store, **sizes))
