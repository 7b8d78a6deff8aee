"""Documents apart: what stands in another document of the row changes nothing."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tasks.tiny_stores import byte_tokenizer, token_store
from tfzoo import models
from tfzoo.tasks import TASKS

TINY = {"num_layers": 2, "hidden_dim": 16, "dropout": 0.0, "vocabulary_size": 260}


def model_of(preset):
    model = models.from_preset(preset, max_sequence_length=36, **TINY)
    for weight in model.trainable_variables:
        weight.assign(weight + tf.random.stateless_normal(weight.shape, [0, 1], stddev=0.2))
    return model


def batch_of(task, folder, documents, length):
    store = token_store(folder, documents, task.tokenizer)
    batches = task.evaluation_batches(store, sequence_length=length, batch_size=1)
    return next(iter(batches))


@pytest.mark.parametrize("mask_documents", [True, False])
def test_two_documents_in_a_row_are_as_two_rows(mask_documents, tmp_path):
    model, documents = model_of("gpt2_tiny"), ["gallia est", "arma virumque"]
    task = TASKS["causal_lm"](tokenizer=byte_tokenizer(), mask_documents=mask_documents)
    packed = batch_of(task, tmp_path / "packed", documents, length=25)
    apart = [
        float(task.loss(model, batch_of(task, tmp_path / text, [text], length=len(text) + 1)))
        for text in documents
    ]
    assert np.isclose(task.loss(model, packed), sum(apart), rtol=1e-5) == mask_documents


@pytest.mark.parametrize("mask_documents", [True, False])
def test_masked_words_are_guessed_from_their_own_document(mask_documents, tmp_path):
    model, nats = model_of("bert_tiny"), []
    task = TASKS["masked_lm"](tokenizer=byte_tokenizer(), mask_documents=mask_documents)
    for first in ("gallia est", "arma canoo"):
        batch = batch_of(task, tmp_path / first, [first, "omnis divisa in partes"], length=36)
        later = tf.cast(batch["positions"] > 13, tf.float32)
        assert tf.reduce_sum(later) > 0
        nats.append(task.loss(model, {**batch, "weights": batch["weights"] * later}))
    assert np.isclose(*nats, rtol=1e-5) == mask_documents
