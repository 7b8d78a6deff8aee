"""The likelihood of a text is the sum of the log-probabilities of its tokens."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.evaluation import likelihood, log_likelihood
from tfzoo.models import GPT2

CONTEXT, END = 8, 29
RNG = np.random.default_rng(0)
TEXTS = [RNG.integers(0, 29, n).tolist() for n in (5, 0, 8, 9, 27, 1)]


@pytest.fixture(scope="module")
def model():
    return GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=30,
        hidden_dim=16,
        max_sequence_length=CONTEXT,
        initializer_range=0.5,
    )


def score(model, texts):
    ragged = tf.ragged.constant(texts, dtype=tf.int32, ragged_rank=1)
    return [x.numpy() for x in log_likelihood(model, ragged, END)]


def by_hand(model, tokens):
    """Token by token, each from the tokens of its window before it."""
    stream, total = [END, *tokens], 0.0
    for place, target in enumerate(tokens):
        window = stream[place - place % CONTEXT : place + 1]
        logits = model(tf.constant([window]))[0, -1].numpy().astype(float)
        total += logits[target] - np.log(np.exp(logits).sum())
    return total


def test_it_is_the_sum_over_tokens_in_windows_of_the_context(model):
    sums, counts = score(model, TEXTS)
    np.testing.assert_allclose(sums, [by_hand(model, text) for text in TEXTS], rtol=1e-5)
    assert counts.tolist() == [5, 0, 8, 9, 27, 1]


def test_a_text_is_scored_as_if_alone_however_many_windows_run_at_once(model, monkeypatch):
    together, _ = score(model, TEXTS)
    alone = [score(model, [text])[0][0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    monkeypatch.setattr(likelihood, "TOKENS_AT_ONCE", 1)
    np.testing.assert_allclose(together, score(model, TEXTS)[0], rtol=1e-5)


def test_nothing_is_certain(model):
    assert score(model, [[]])[0].tolist() == [0.0]
    assert [len(x) for x in score(model, [])] == [0, 0]
