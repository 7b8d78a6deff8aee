"""How well a model predicts a text, as the training loop measures it."""

import tensorflow as tf

from tfzoo import data
from tfzoo.training.distribution import Distribution
from tfzoo.training.validation import Validation

TOKENS_A_BATCH = 2048


def evaluate(model, task, tokenizer, store, *, batch_size=None):
    """Predicts each token of a store, but its first, in windows of the model's context.

    Args:
        model: a Keras model of `config.max_sequence_length`.
        task: gives `loss(model, batch, training)`, the sum over targets.
        tokenizer: the store's tokenizer.
        store: `data.TokenStore`.
        batch_size: int, rows at a time; None: as many as hold about 2048 tokens.

    Returns:
        `training.validation.TextScore`, with `loss`, `perplexity`, `bits_per_byte`, `num_targets`.
    """
    length = model.config.max_sequence_length
    batch_size = batch_size or max(1, TOKENS_A_BATCH // length)
    sizes = {"sequence_length": length, "batch_size": batch_size}
    distribution = Distribution(strategy=tf.distribute.get_strategy())
    validation = Validation(distribution, model, task, tokenizer.token_bytes)
    batches = data.evaluation_batches(store, **sizes)
    return validation(batches, data.num_evaluation_batches(store, **sizes))
