"""RotaryEmbedding: angles, pairs of channels, and the law that only distances count."""

import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers import RotaryEmbedding
from tfzoo.layers.rotary import rotary_angles

X = np.random.default_rng(3).normal(size=(2, 3, 5, 8)).astype("float32")


def test_pairs_of_channels_turn_by_hand():
    """As complex numbers, of channels i and i + 2: a product with e^(i angle)."""
    y = np.asarray(RotaryEmbedding(4, base=100.0)(X))
    angles = np.outer(np.arange(5), [1.0, 0.1])
    turned = (X[..., :2] + 1j * X[..., 2:4]) * np.exp(1j * angles)
    np.testing.assert_allclose(y[..., :2], turned.real, atol=1e-5)
    np.testing.assert_allclose(y[..., 2:4], turned.imag, atol=1e-5)
    np.testing.assert_array_equal(y[..., 4:], X[..., 4:])


def test_products_depend_on_the_distance_alone():
    layer, vectors = RotaryEmbedding(), np.broadcast_to(X[:, :, :1], X.shape)
    query, key = layer(vectors, first=40), layer(np.roll(vectors, 1, -1), first=31)
    near = np.einsum("bhtd,bhtd->bht", query, key)
    np.testing.assert_allclose(near, np.broadcast_to(near[..., :1], near.shape), atol=1e-5)
    other = np.einsum("bhtd,bhtd->bht", query, layer(np.roll(vectors, 1, -1), first=32))
    assert not np.allclose(other, near, atol=1e-2)


def test_the_first_position_continues_a_row():
    layer = RotaryEmbedding()
    np.testing.assert_allclose(layer(X[:, :, 3:], first=3), layer(X)[:, :, 3:], atol=1e-6)


def test_angles_of_far_positions_do_not_collapse():
    angles = np.asarray(rotary_angles([100_000, 100_001], 4))
    np.testing.assert_allclose(angles[1] - angles[0], [1.0, 0.01], atol=1e-3)
    narrow = RotaryEmbedding(dtype="mixed_bfloat16")(X, first=256)
    assert not np.array_equal(narrow[:, :, 0], RotaryEmbedding()(X, first=257)[:, :, 0])


def test_contract(tmp_path):
    check_layer(RotaryEmbedding(6, base=50.0), X)
    check_in_a_keras_model(RotaryEmbedding(), X, tmp_path)


@pytest.mark.parametrize("width", [3, 10])
def test_a_bad_width_is_an_error(width):
    with pytest.raises(ValueError, match=f"Received: rotary_dim={width}, head width=8"):
        RotaryEmbedding(width)(X)
