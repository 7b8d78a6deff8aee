"""MultiHeadSelfAttention: who may read whom, and what is read."""

import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers import KeyValueCache, MultiHeadSelfAttention, RotaryEmbedding

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


def test_a_window_hides_what_lies_before_it():
    layer = MultiHeadSelfAttention(2, causal=True, variant={"window": 3})
    other = X.copy()
    other[:, 0] += 1.0
    change = np.abs(np.asarray(layer(other)) - layer(X)).max(axis=(0, 2))
    assert np.all(change[:3] > 1e-3) and np.all(change[3:] < 1e-6)


def test_a_cached_window_is_that_of_the_full_pass():
    layer = MultiHeadSelfAttention(2, causal=True, variant={"window": 2})
    full = layer(X)
    zeros = np.zeros((2, 2, 7, 4), "float32")
    cache = KeyValueCache([zeros], [zeros], np.int32(0))
    pieces = []
    for t in range(5):
        pieces.append(layer(X[:, t : t + 1], cache=cache.layer(0)))
        cache.index = np.int32(t + 1)
    np.testing.assert_allclose(np.concatenate(pieces, 1), full, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_documents_do_not_read_each_other(causal):
    layer = MultiHeadSelfAttention(2, causal=causal, rotary=RotaryEmbedding())
    documents = np.array([[0, 0, 0, 1, 1], [4, 4, 2, 2, 2]])
    packed = layer(X, document_ids=documents)
    for row, part in [(0, np.s_[:3]), (0, np.s_[3:]), (1, np.s_[:2]), (1, np.s_[2:])]:
        np.testing.assert_allclose(packed[row][part], layer(X[row : row + 1, part])[0], atol=1e-5)


def test_columns_are_those_of_queries_then_keys_then_values():
    shared = MultiHeadSelfAttention(4, variant={"num_key_value_heads": 2, "head_dim": 3})
    shared.build(X.shape)
    assert shared.query_key_value.kernel.shape == (8, (4 + 2 + 2) * 3)
    assert shared.output_projection.kernel.shape == (12, 8)
    equal = MultiHeadSelfAttention(4, variant={"head_dim": 3})
    equal.build(X.shape)
    kernel = np.asarray(shared.query_key_value.kernel)
    parts = [kernel[:, :12], *(_twice(kernel[:, i : i + 6]) for i in (12, 18))]
    equal.query_key_value.kernel.assign(np.concatenate(parts, 1))
    equal.output_projection.kernel.assign(shared.output_projection.kernel)
    np.testing.assert_allclose(shared(X), equal(X), atol=1e-5)


def _twice(columns):
    """Columns (m, g d) of keys or values, each head's twice in a row, for d = 3."""
    return np.repeat(columns.reshape(8, 2, 3), 2, axis=1).reshape(8, 12)


def test_normalized_heads_do_not_feel_the_size_of_queries_and_keys():
    layer = MultiHeadSelfAttention(2, variant={"head_norm_epsilon": 1e-12, "input_bias": False})
    before = layer(X)
    kernel = np.asarray(layer.query_key_value.kernel)
    layer.query_key_value.kernel.assign(kernel * np.repeat([7.0, 0.2, 1.0], 8))
    np.testing.assert_allclose(layer(X), before, atol=1e-5)
    layer.key_norm.gamma.assign([3.0, -1.0, 0.0, 2.0])
    assert not np.allclose(layer(X), before, atol=1e-3)


def test_biases_can_be_left_out():
    layer = MultiHeadSelfAttention(2, variant={"input_bias": False, "output_bias": False})
    layer.build(X.shape)
    assert [w.name for w in layer.weights if w.name != "seed_generator_state"] == ["kernel"] * 2


def test_the_scale_is_given_or_that_of_the_paper():
    given, paper = (MultiHeadSelfAttention(2, variant=v) for v in ({"scale": 0.5}, None))
    paper.build(X.shape)
    given.build(X.shape)
    given.set_weights(paper.get_weights())
    np.testing.assert_allclose(given(X), paper(X), atol=1e-6)  # 1 / sqrt(4)
    other = MultiHeadSelfAttention(2, variant={"scale": 3.0})
    other.build(X.shape)
    other.set_weights(paper.get_weights())
    assert not np.allclose(other(X), paper(X), atol=1e-3)


@pytest.mark.slow
def test_contract_of_a_variant(tmp_path):
    variant = {"num_key_value_heads": 1, "head_dim": 6, "window": 3, "head_norm_epsilon": 1e-6}
    layer = MultiHeadSelfAttention(
        2, causal=True, rotary=RotaryEmbedding(4, base=50.0), variant=variant, name="a"
    )
    check_layer(layer, X)
    check_in_a_keras_model(layer, X, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": {"window": 3}}, "window=3, causal=False"),
        ({"variant": {"window": 0}, "causal": True}, "window=0, causal=True"),
        ({"variant": {"num_key_value_heads": 3}}, "num_key_value_heads=3, num_heads=4"),
    ],
)
def test_variants_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        MultiHeadSelfAttention(4, **options).build(X.shape)
