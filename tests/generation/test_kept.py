"""What is made of weights is made anew when, and only when, the weights are others."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.generation.kept import Kept


@pytest.fixture
def weights():
    return [keras.Variable(np.full([64, 64], value, "float32")) for value in (1, 2)]


@pytest.fixture
def kept(weights):
    """What is kept are the sums of the weights."""
    return Kept(weights, lambda *_: [float(tf.reduce_sum(x.value)) for x in weights])


def test_it_is_kept_while_the_weights_are_the_same(kept):
    assert kept() is kept()


def test_it_is_made_anew_for_other_arguments(kept):
    first = kept(True)
    assert kept(False) is not first


def in_steps_of_xla(weight):
    @tf.function(jit_compile=True)
    def train():
        weight.value.assign_sub(0.5 * tf.ones([64, 64]))

    train()


def by_an_optimizer(weight):
    keras.optimizers.Adam(0.1).apply([tf.ones([64, 64])], [weight])


CHANGES = {
    "assign": lambda weight: weight.assign(tf.zeros([64, 64])),
    "assign_sub": lambda weight: weight.value.assign_sub(tf.ones([64, 64])),
    "in place": lambda weight: weight.value.scatter_nd_update([[3, 4]], [9.0]),
    "XLA": in_steps_of_xla,
    "optimizer": by_an_optimizer,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("times", [1, 2, 5])
def test_it_follows_every_change_of_a_weight(kept, weights, change, times):
    for _ in range(4):
        before = kept()
        for _ in range(times):  # The memory of the value before last may be used again.
            change(weights[1])
        weights[1].assign(weights[1].value + 1.0)
        expected = [np.sum(x.numpy(), dtype=np.float64) for x in weights]
        assert kept() is not before
        np.testing.assert_allclose(kept(), expected, rtol=1e-5)
