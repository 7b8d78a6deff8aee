"""Positions: the sinusoids of section 3.5, and learned ones."""

import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers import PositionalEncoding, PositionEmbedding
from tfzoo.layers.position import sinusoids

X = np.random.default_rng(3).normal(size=(2, 5, 8)).astype("float32")


def test_sinusoids_by_hand():
    table = sinusoids(np.arange(50), 6)
    for p, channel in [(0, 0), (0, 1), (7, 2), (49, 3), (30, 4), (30, 5)]:
        angle = p / 10_000 ** (channel // 2 * 2 / 6)
        expected = np.cos(angle) if channel % 2 else np.sin(angle)
        assert float(table[p, channel]) == pytest.approx(expected, abs=2e-6)


def test_a_shift_of_position_is_a_rotation():
    """The reason for sinusoids: PE(p + k) is a linear function of PE(p), the same for all p."""
    table = sinusoids(np.arange(40), 8).numpy()
    pairs = table.reshape(40, 4, 2)
    dot = np.einsum("pcx,pcx->pc", pairs[:-5], pairs[5:])
    np.testing.assert_allclose(dot, np.tile(dot[0], (35, 1)), atol=1e-5)


def test_positions_of_bfloat16_layers_do_not_collapse():
    layer = PositionalEncoding(dtype="mixed_bfloat16")
    y = np.asarray(layer(np.zeros((1, 300, 8), "float32")))
    assert not np.array_equal(y[0, 256], y[0, 257])


def test_given_positions_are_used():
    layer = PositionEmbedding(10)
    rows = np.array([[4, 4, 0, 1, 9], [0, 1, 2, 3, 4]])
    np.testing.assert_allclose(
        layer(X, positions=rows), X + layer.embeddings.numpy()[rows], atol=1e-6
    )
    np.testing.assert_allclose(layer(X)[1], layer(X, positions=rows)[1])


@pytest.mark.parametrize("make", [PositionalEncoding, lambda: PositionEmbedding(10)])
def test_contract(make, tmp_path):
    check_layer(make(), X)
    check_in_a_keras_model(make(), X, tmp_path)


def test_a_row_too_long_is_an_error():
    with pytest.raises(ValueError, match="Received: 5 tokens, max_length=4"):
        PositionEmbedding(4)(X)
