"""RelativePositionBias: the buckets by hand and by the published rule."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.layers.relative_bias import RelativePositionBias, distance_buckets


def test_buckets_by_hand():
    """Four buckets of one distance, then 4-7, 8-15, 16-31 and farther, doubling."""
    expected = [0, 1, 2, 3] + [4] * 4 + [5] * 8 + [6] * 16 + [7]
    assert distance_buckets(8, 64)[:33].tolist() == expected
    assert distance_buckets(8, 64)[63:].tolist() == [7, 7]


def layer(**options):
    made = RelativePositionBias(2, num_buckets=8, max_distance=20, **options)
    made.build()
    return made


def test_both_directions_have_buckets_of_their_own():
    buckets = layer().buckets(tf.range(30, 31), tf.range(61)).numpy()[0]
    assert set(buckets[:31]) == {0, 1, 2, 3}
    assert set(buckets[31:]) == {5, 6, 7}
    np.testing.assert_array_equal(buckets[31:], buckets[29::-1] + 4)


def test_one_direction_has_all_buckets():
    buckets = layer(bidirectional=False).buckets(tf.range(30, 31), tf.range(61)).numpy()[0]
    assert set(buckets[:31]) == set(range(8))
    assert set(buckets[30:]) == {0}


def test_the_bias_is_a_row_of_the_table():
    made = layer()
    rows, columns = np.array([3, 4]), np.array([0, 3, 9])
    bias = made(rows, columns).numpy()
    assert bias.shape == (1, 2, 2, 3) and bias.dtype == np.float32
    table, buckets = made.embeddings.numpy(), made.buckets(rows, columns).numpy()
    for t in range(2):
        for s in range(3):
            np.testing.assert_array_equal(bias[0, :, t, s], table[buckets[t, s]])


def test_a_step_is_a_row_of_the_whole():
    made = layer(bidirectional=False)
    whole = made(tf.range(12), tf.range(12))
    np.testing.assert_array_equal(made(tf.range(7, 8), tf.range(12)), whole[:, :, 7:8])


def test_it_learns():
    made = layer()
    with tf.GradientTape() as tape:
        bias = made(tf.range(5), tf.range(5))
        loss = tf.reduce_sum(bias[:, 0, 0, 1])
    gradient = tape.gradient(loss, made.embeddings.value)
    expected = np.zeros((8, 2))
    expected[5, 0] = 1
    np.testing.assert_array_equal(gradient, expected)


def test_rebuilt_from_its_config():
    made = layer(bidirectional=False)
    twin = RelativePositionBias.from_config(made.get_config())
    assert twin.get_config() == made.get_config()
    twin.build()
    assert [w.shape for w in twin.weights] == [w.shape for w in made.weights]


@pytest.mark.parametrize("options", [{"num_buckets": 2}, {"num_buckets": 7}, {"max_distance": 8}])
def test_too_few_buckets_are_an_error(options):
    with pytest.raises(ValueError, match="Received: num_buckets="):
        RelativePositionBias(2, **{"num_buckets": 32, **options})


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(32, 128), (16, 100), (8, 20)])
def test_buckets_are_those_of_transformers(bidirectional, num_buckets, max_distance):
    torch = pytest.importorskip("torch", reason="needs the extra [parity]")
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5")
    made = RelativePositionBias(
        1, num_buckets=num_buckets, max_distance=max_distance, bidirectional=bidirectional
    )
    ours = made.buckets(tf.range(300), tf.range(300))
    ahead = torch.arange(300)[None, :] - torch.arange(300)[:, None]
    theirs = t5.T5Attention._relative_position_bucket(
        ahead, bidirectional, num_buckets, max_distance
    )
    np.testing.assert_array_equal(ours, theirs.numpy())
