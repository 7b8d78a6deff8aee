"""The order of an epoch: a permutation, another one each epoch and seed, and well mixed."""

import numpy as np
import pytest

from tfzoo.data.permutation import permuted


def order(length, seed=0, epoch=0):
    return permuted(np.arange(length), length, seed=seed, epochs=np.full(length, epoch))


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 99, 10_000, 12_347])
def test_each_place_is_taken_once(length):
    np.testing.assert_array_equal(np.sort(order(length)), np.arange(length))


def test_a_place_does_not_depend_on_those_asked_for_with_it():
    places, epochs = np.array([5, 9000, 77]), np.array([2, 0, 1])
    together = permuted(places, 9973, seed=3, epochs=epochs)
    alone = [
        order(9973, seed=3, epoch=epoch)[place] for place, epoch in zip(places, epochs, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"seed": -1}])
def test_seeds_and_epochs_have_orders_of_their_own(other):
    assert np.mean(order(10_000) == order(10_000, **other)) < 0.001


def test_neighbours_are_torn_apart():
    steps = np.abs(np.diff(order(10_000)))
    assert abs(steps.mean() / (10_000 / 3) - 1) < 0.03  # as of a random permutation


def test_every_order_of_three_comes_up():
    assert len({tuple(order(3, epoch=epoch)) for epoch in range(300)}) == 6


def test_lengths_beyond_32_bits():
    length = 10**13
    places = permuted(np.arange(1000), length, seed=0, epochs=np.zeros(1000, int))
    assert len(set(places)) == 1000
    assert places.min() >= 0 and places.max() < length and places.mean() > length / 3
