"""MultiHeadSelfAttention: who may read whom, and what is read."""

import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers import KeyValueCache, MultiHeadSelfAttention

X = np.random.default_rng(1).normal(size=(2, 5, 8)).astype("float32")
RAGGED = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)


def by_hand(layer, x, allowed):
    """Equation 1 in numpy, a head and a token at a time."""
    w, b, wo, bo = (np.asarray(v) for v in layer.get_weights())
    q, k, v = np.split(x @ w + b, 3, -1)
    read = np.zeros_like(x)
    d = layer.head_dim
    for row in range(len(x)):
        for head in range(layer.num_heads):
            part = slice(head * d, (head + 1) * d)
            for t in range(x.shape[1]):
                keys = [s for s in range(x.shape[1]) if allowed[row, t, s]]
                scores = np.array([q[row, t, part] @ k[row, s, part] for s in keys]) / np.sqrt(d)
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                read[row, t, part] = weights @ v[row, keys, part]
    return read @ wo + bo


def test_attention_by_hand():
    layer = MultiHeadSelfAttention(2, causal=True)
    layer.build(X.shape)
    layer.query_key_value.bias.assign(np.linspace(-1, 1, 24))
    allowed = np.tril(np.ones((5, 5), bool))[None] & RAGGED[:, None, :]
    expected = by_hand(layer, X, allowed)
    np.testing.assert_allclose(layer(X, padding_mask=RAGGED)[RAGGED], expected[RAGGED], atol=1e-5)


@pytest.mark.parametrize(
    ("causal", "padding_mask", "unread", "rest"),
    [(True, None, np.s_[:, 3:], np.s_[:, :3]), (False, RAGGED, ~RAGGED, RAGGED)],
    ids=["future", "padding"],
)
def test_unreadable_tokens_change_nothing(causal, padding_mask, unread, rest):
    layer = MultiHeadSelfAttention(2, causal=causal)
    other = X.copy()
    other[unread] += 100.0
    before, after = (np.asarray(layer(x, padding_mask=padding_mask)) for x in (X, other))
    np.testing.assert_allclose(before[rest], after[rest], atol=1e-5)
    assert not np.allclose(before[unread], after[unread], atol=1e-2)


def test_without_causal_each_token_reads_the_last():
    layer = MultiHeadSelfAttention(2)
    other = X.copy()
    other[:, -1] += 1.0
    change = np.abs(np.asarray(layer(other)) - layer(X)).max(axis=(0, 2))
    assert np.all(change > 1e-3)


def test_cached_reading_is_the_full_pass():
    layer = MultiHeadSelfAttention(2, causal=True)
    full = layer(X)
    zeros = np.zeros((2, 2, 7, 4), "float32")
    cache = KeyValueCache([zeros], [zeros], np.int32(0))
    pieces = []
    for start, stop in [(0, 2), (2, 3), (3, 5)]:
        pieces.append(layer(X[:, start:stop], cache=cache.layer(0)))
        cache.index = np.int32(stop)
    np.testing.assert_allclose(np.concatenate(pieces, 1), full, atol=1e-5)


def test_residual_is_added():
    layer = MultiHeadSelfAttention(2)
    np.testing.assert_allclose(layer(X, residual=X), layer(X) + X, atol=1e-6)


def test_contract(tmp_path):
    layer = MultiHeadSelfAttention(2, causal=True, dropout=0.5, name="a")
    check_layer(layer, X, training_changes=True)
    check_in_a_keras_model(layer, X, tmp_path)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="Received: num_heads=3, input width=8"):
        MultiHeadSelfAttention(3).build((None, None, 8))
