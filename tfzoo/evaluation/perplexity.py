"""How well a model does what its task asks, as the training loop measures it."""

import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.tasks.causal_lm import CausalLanguageModeling
from tfzoo.tasks.text_rows import TooLittleText
from tfzoo.training.distribution import Distribution
from tfzoo.training.validation import TOKENS_A_BATCH, Validation


def evaluate(model, task, store, *, batch_size=None, stride=None):
    """Measures a model on all of a store.

    Args:
        model: a Keras model of `config.max_sequence_length`.
        task: `tasks.Task`.
        store: `data.TokenStore` or `data.examples.ExampleStore`, as the task's `data_kind` says.
        batch_size: int, rows at a time; None: as many as hold about 2048 tokens.
        stride: int in [1, context], for causal language modeling: how far the windows that are
            read are apart. A token is predicted once, with at least `context - stride` tokens of
            context where there are so many before it. None: the context, without overlap.

    Returns:
        `training.validation.Score`.

    Raises:
        UsageError: for a stride out of its range, or with another task; if the text is too short.
    """
    length = model.config.max_sequence_length
    batch_size = batch_size or max(1, TOKENS_A_BATCH // length)
    sizes = {"sequence_length": length, "batch_size": batch_size}
    if stride is not None:
        sizes["stride"] = _checked(stride, task, length)
    distribution = Distribution(strategy=tf.distribute.get_strategy())
    validation = Validation(distribution, model, task)
    try:
        batches = task.evaluation_batches(store, **sizes)
    except TooLittleText as error:
        raise UsageError(f"--text_files: {error.fault} Give more files, or longer ones.") from error
    return validation(batches, task.num_evaluation_batches(store, **sizes))


def _checked(stride, task, length):
    if not isinstance(task, CausalLanguageModeling):
        raise UsageError("--stride is for runs of --task=causal_lm. Leave it out for this run.")
    if not 1 <= stride <= length:
        raise UsageError(
            f"--stride must be from 1 to the {length} tokens that the model reads. "
            f"Received: {stride}"
        )
    return stride
