"""Measures of a batch, from the model's own logits by another way."""

import types

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.tasks import TASKS, classes, sequences, vocabulary

RANDOM = np.random.default_rng(0)


def logits_model(logits):
    """Stands for a model whose states are its logits: (b, t, v) -> (b, t, v)."""
    size = logits.shape[-1]
    return types.SimpleNamespace(
        kind="encoder_decoder",
        config=types.SimpleNamespace(vocabulary_size=size),
        hidden_states=lambda *_, **__: tf.constant(logits, tf.float32),
        logits=lambda states: states,
    )


def test_a_row_is_exact_if_each_of_its_tokens_is_the_likeliest():
    targets = np.array([[1, 2, 0], [1, 2, 0], [2, 1, 2], [1, 1, 1]], np.int32)
    likeliest = np.array([[1, 2, 0], [1, 0, 0], [2, 1, 0], [1, 1, 1]])
    weights = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0], [0, 0, 0]], np.float32)
    batch = {"token_ids": None, "decoder_token_ids": None, "targets": targets, "weights": weights}
    sums = sequences.measures(logits_model(5.0 * np.eye(3)[likeliest]), batch)
    results = sequences.results({name: x.numpy() for name, x in sums.items()})
    assert results["exact_match"] == pytest.approx(2 / 3)
    assert results["token_accuracy"] == pytest.approx(7 / 8)
    right, wrong = np.log(np.exp(5) + 2) - 5, np.log(np.exp(5) + 2)
    assert results["loss"] == pytest.approx((7 * right + wrong) / 8, rel=1e-5)
    assert results["perplexity"] == pytest.approx(np.exp(results["loss"]))


def test_outcomes_do_not_depend_on_how_many_are_looked_at_at_once(monkeypatch):
    logits = RANDOM.normal(size=(3, 5, 7))
    targets = RANDOM.integers(0, 7, (3, 5)).astype(np.int32)
    whole = vocabulary.outcomes(logits_model(logits), tf.constant(logits, tf.float32), targets)
    monkeypatch.setattr(vocabulary, "_CHUNK", 4 * 7)
    parts = vocabulary.outcomes(logits_model(logits), tf.constant(logits, tf.float32), targets)
    for one, other in zip(whole, parts, strict=True):
        assert one.shape == (3, 5)
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_array_equal(whole[1], logits.argmax(-1) == targets)


def test_smoothed_labels_are_a_mixture():
    logits = RANDOM.normal(size=(6, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 3, 0])
    truth = 0.7 * np.eye(4)[labels] + 0.3 / 4
    log_shares = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(truth * log_shares).sum(-1)
    np.testing.assert_allclose(classes.nats(logits, labels, 0.3), expected, rtol=1e-5)


def test_confusion_has_true_classes_as_rows():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    sums = classes.measures(logits, np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 1.0, 0.0]))
    assert sums["confusion"].numpy().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    results = classes.results({name: x.numpy() for name, x in sums.items()}, ("a", "b", "c"))
    assert results["accuracy"] == pytest.approx(2 / 3)
    assert results["f1_macro"] == pytest.approx(np.mean([results[f"f1_{x}"] for x in "abc"]))


def test_a_class_called_macro_does_not_hide_the_mean():
    sums = {"loss": 1.0, "num_targets": 4.0, "confusion": np.array([[2.0, 0.0], [2.0, 0.0]])}
    results = classes.results(sums, ("macro", "other"))
    assert results["f1_class_macro"] == pytest.approx(2 / 3)
    assert results["f1_macro"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("mean", [0.0, 2000.0], ids=["near 0", "years"])
def test_regression_tells_errors_and_correlation(mean):
    x, y = (mean + RANDOM.normal(size=(2, 8))).astype(np.float32)
    weights = np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32)
    model = types.SimpleNamespace(
        kind="encoder",
        hidden_states=lambda *_, **__: x[:, None],
        pooled=lambda hidden, _: hidden,
        heads={"regression": lambda pooled, training: pooled},
    )
    batch = {"token_ids": None, "padding_mask": None, "labels": y, "weights": weights}
    task = TASKS["regression"]()
    sums = {name: value.numpy() for name, value in task.measures(model, batch).items()}
    results = task.results(sums)
    assert results["mean_squared_error"] == pytest.approx(np.mean((x - y)[:6] ** 2), rel=1e-5)
    assert results["mean_absolute_error"] == pytest.approx(np.mean(np.abs(x - y)[:6]), rel=1e-5)
    assert results["pearson"] == pytest.approx(np.corrcoef(x[:6], y[:6])[0, 1], rel=1e-4)
