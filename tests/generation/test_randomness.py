"""Uniform numbers that are a pure function of (seed, step)."""

import numpy as np
import tensorflow as tf

from tfzoo.generation.randomness import uniform

MASK = 2**64 - 1


def split_mix(state):
    """The published algorithm, in Python's integers: the next state, and its output."""
    state = state + 0x9E3779B97F4A7C15 & MASK
    z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return state, z ^ z >> 31


def test_the_generator_is_split_mix():
    assert split_mix(1234567)[1] == 6457827717110365317  # from the reference implementation


def test_numbers_are_those_of_the_published_algorithm():
    seeds = [0, 1, -1, 2**63 - 1, -(2**63)]
    given = np.array([uniform(tf.constant(seeds, tf.int64), tf.constant(i)) for i in range(4)])
    for seed, numbers in zip(seeds, given.T, strict=True):
        _, state = split_mix(seed & MASK)
        for number in numbers:
            state, bits = split_mix(state)
            assert number == np.float32((bits >> 40) / 2**24)


def test_neighbouring_seeds_and_steps_are_unrelated():
    seeds = tf.range(300, dtype=tf.int64)
    numbers = np.array([uniform(seeds, tf.constant(i)) for i in range(300)])
    counts = np.histogram(numbers, bins=16, range=(0, 1))[0]
    assert np.sum((counts - 5625) ** 2 / 5625) < 37.7  # p = 0.001 at 15 degrees of freedom
    for one, other in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.012
