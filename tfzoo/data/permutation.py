"""A permutation of any length in O(1) memory: one place of an epoch's order, without the others.

A Feistel network (Luby and Rackoff, 1988, doi:10.1137/0217022) on the pairs (i, j), i < rows and
j < columns, with columns the root of the length, rounded up, and just enough rows. Places that land
outside the length walk on until they are inside (Black and Rogaway, 2002,
doi:10.1007/3-540-45760-7_9), which is rare: there are fewer than `columns` of them.
"""

import math

import numpy as np

ROUNDS = 6
WEYL = 0x9E3779B97F4A7C15


def permuted(places: np.ndarray, length: int, *, seed: int, epochs: np.ndarray) -> np.ndarray:
    """Where each place goes in its epoch's permutation of 0..length - 1.

    Args:
        places: int64 (n,), each in 0..length - 1.
        length: int > 0.
        seed: int. Any seed gives another permutation for each epoch.
        epochs: int64 (n,), epoch of each place.

    Returns:
        int64 (n,), each in 0..length - 1.
    """
    columns = math.isqrt(length - 1) + 1
    sides = np.uint64(-(-length // columns)), np.uint64(columns)
    keys = _mixed(epochs.astype(np.uint64) + _mixed(np.array([seed % 2**64], np.uint64)))
    result = _shuffled(places.astype(np.uint64), sides, keys)
    while (outside := result >= length).any():
        result[outside] = _shuffled(result[outside], sides, keys[outside])
    return result.astype(np.int64)


def _shuffled(places, sides, keys):
    rows, columns = sides
    i, j = np.divmod(places, columns)
    for number in range(0, ROUNDS, 2):
        i = (i + _mixed(j + _key(keys, number))) % rows
        j = (j + _mixed(i + _key(keys, number + 1))) % columns
    return i * columns + j


def _key(keys, number):
    return keys + np.uint64(WEYL * (number + 1) % 2**64)


def _mixed(x):
    """The finalizer of splitmix64 (Steele, Lea and Flood, 2014, doi:10.1145/2714064.2660195)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
