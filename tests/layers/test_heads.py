"""Heads: labels of texts, pairs and tokens; the states behind masked words."""

import keras
import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers.heads import (
    ClassificationHead,
    MaskedWordHead,
    PairHead,
    Pooler,
    TokenClassificationHead,
)
from tfzoo.layers.sentence_embedding import SentenceEmbeddingHead

X = np.random.default_rng(5).normal(size=(3, 8)).astype("float32")
STATES = np.random.default_rng(6).normal(size=(2, 5, 8)).astype("float32")


def weights(layer):
    return [np.asarray(w) for w in layer.get_weights()]


def test_classification_is_a_product():
    head = ClassificationHead(4)
    y = head(X)
    kernel, bias = weights(head)
    assert kernel.shape == (8, 4) and y.dtype == "float32"
    np.testing.assert_allclose(y, X @ kernel + bias, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_hidden_layer_comes_before_the_labels(activation):
    head = ClassificationHead(4, hidden_layer=True, hidden_activation=activation)
    head.build(X.shape)
    kernel, bias = head.hidden.kernel.numpy(), np.linspace(-1, 1, 8)
    head.hidden.bias.assign(bias)
    hidden = X @ kernel + bias
    hidden = np.tanh(hidden) if activation == "tanh" else np.maximum(hidden, 0)
    np.testing.assert_allclose(head(X), hidden @ head.labels.kernel.numpy(), atol=1e-6)


def test_the_pooler_is_a_tanh():
    pooler = Pooler()
    y = pooler(X)
    kernel, bias = weights(pooler)
    np.testing.assert_allclose(y, np.tanh(X @ kernel + bias), atol=1e-6)


def test_words_are_read_from_normalized_states_of_the_tables_width():
    head = MaskedWordHead(11, 6, activation="relu", epsilon=1e-5)
    y = head(STATES)
    assert y.shape == (2, 5, 6) and head.output_bias.shape == (11,)
    inner = np.maximum(STATES @ head.dense.kernel.numpy(), 0)
    inner -= inner.mean(-1, keepdims=True)
    expected = inner / np.sqrt((inner**2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-4)


HEADS = {
    "classification": (lambda: ClassificationHead(4, dropout=0.4), X, True),
    "hidden": (lambda: ClassificationHead(4, dropout=0.4, hidden_layer=True), X, True),
    "tokens": (lambda: TokenClassificationHead(4, dropout=0.4), STATES, True),
    "pair": (lambda: PairHead(dropout=0.4), X, True),
    "pooler": (Pooler, X, False),
    "masked_word": (lambda: MaskedWordHead(11, 6), STATES, False),
}


@pytest.mark.parametrize("name", HEADS)
def test_contract(name):
    make, x, training_changes = HEADS[name]
    check_layer(make(), x, training_changes=training_changes)


@pytest.mark.parametrize("name", ["hidden", "tokens"])
def test_a_head_works_in_anybodys_keras_model(name, tmp_path):
    make, x, _ = HEADS[name]
    check_in_a_keras_model(make(), x, tmp_path)


def test_logits_are_float32_in_mixed_precision():
    assert ClassificationHead(3, dtype="mixed_bfloat16")(X).dtype == "float32"


def test_dropout_reads_the_pooled_state():
    keras.utils.set_random_seed(1)
    head = ClassificationHead(2, dropout=0.9)
    head(X)
    head.labels.kernel.assign(np.ones((8, 2)))
    dropped = np.asarray(head(np.ones((200, 8), "float32"), training=True))[:, 0]
    assert {round(v) for v in dropped} <= {0, 10, 20, 30, 40, 50, 60}


def test_no_labels_is_an_error():
    with pytest.raises(ValueError, match="Received: num_labels=0"):
        ClassificationHead(0)


def test_a_sentence_embedding_is_the_direction_of_the_mean_of_what_is_no_padding():
    head = SentenceEmbeddingHead.from_config(SentenceEmbeddingHead(name="it").get_config())
    mask = np.array([[True] * 5, [True] * 2 + [False] * 3])
    found = head(STATES, padding_mask=mask)
    means = np.stack([STATES[0].mean(0), STATES[1, :2].mean(0)])
    np.testing.assert_allclose(
        found, means / np.linalg.norm(means, axis=-1, keepdims=True), atol=1e-6
    )
    np.testing.assert_allclose(head(STATES)[0], found[0], atol=1e-6)
    assert found.dtype == "float32" and not head.weights
