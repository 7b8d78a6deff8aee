"""The objective against its definition, and against mistakes that are easily made."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels, models
from tfzoo.tasks import TASKS

IDS = np.random.default_rng(0).integers(0, 23, (3, 9)).astype(np.int32)
BATCH = {
    "token_ids": tf.constant(IDS[:, :-1]),
    "targets": tf.constant(IDS[:, 1:]),
    "weights": tf.constant(np.arange(8) < np.array([[8], [3], [5]]), tf.float32),
}


@pytest.fixture(scope="module")
def model():
    return models.from_preset(
        "gpt2_tiny", num_layers=1, hidden_dim=8, vocabulary_size=23, max_sequence_length=8
    )


def loss(model, batch=BATCH, compiled=False, **arguments):
    @tf.function
    def graph():
        with kernels.compiled(compiled):
            return TASKS["causal_lm"]().loss(model, batch, **arguments)

    return float(graph())


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_is_the_sum_over_weighted_targets(model, compiled, smoothing):
    logits = np.asarray(model(BATCH["token_ids"])).astype(np.float64)
    log_shares = logits - np.log(np.sum(np.exp(logits), -1, keepdims=True))
    truth = (1 - smoothing) * np.eye(23)[IDS[:, 1:]] + smoothing / 23
    expected = -np.sum(np.sum(truth * log_shares, -1) * BATCH["weights"].numpy())
    found = loss(model, compiled=compiled, label_smoothing=smoothing)
    assert found == pytest.approx(expected, rel=1e-5)


def test_targets_of_weight_0_change_nothing(model):
    others = tf.where(BATCH["weights"] > 0, BATCH["targets"], (BATCH["targets"] + 1) % 23)
    assert loss(model, {**BATCH, "targets": others}) == pytest.approx(loss(model), rel=1e-6)


def test_dropout_is_on_in_training_only(model):
    assert loss(model) == loss(model, training=False) != loss(model, training=True)
