"""Draws follow the probabilities that temperature, top-k, top-p and min-p leave, row by row."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.generation import sample
from tfzoo.generation.randomness import uniform
from tfzoo.kernels import compiled

LOGITS = np.log(np.array([0.05, 0.4, 0.02, 0.25, 0.08, 0.2], np.float32))
NUM_DRAWS = 20_000
OFF = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


def draw(logits, seeds, step=0, **given):
    """One draw a row from the same parameters, or from those of each row."""
    rows = len(seeds)
    options = {name: np.broadcast_to(value, [rows]) for name, value in {**OFF, **given}.items()}
    return sample(
        tf.constant(np.broadcast_to(logits, [rows, np.shape(logits)[-1]]), tf.float32),
        tf.constant(options["temperature"], tf.float32),
        tf.constant(options["top_k"], tf.int32),
        tf.constant(options["top_p"], tf.float32),
        tf.constant(seeds, tf.int64),
        tf.constant(step),
        tf.constant(options["min_p"], tf.float32),
    ).numpy()


def chi_square(draws, probabilities):
    counts = np.bincount(draws, minlength=len(probabilities))
    expected = probabilities * len(draws)
    assert not counts[expected == 0].any()
    kept = expected > 0
    return np.sum((counts - expected)[kept] ** 2 / expected[kept])


def normalized(weights):
    return weights / weights.sum()


P = np.exp(LOGITS)


@pytest.mark.parametrize(
    ("given", "probabilities"),
    [
        ({}, P),
        ({"temperature": 2.0}, normalized(P**0.5)),
        ({"temperature": 0.5}, normalized(P**2)),
        ({"top_k": 3}, normalized(np.where(P > 0.15, P, 0))),
        ({"top_p": 0.6}, normalized(np.where(P > 0.22, P, 0))),
        ({"top_p": 0.7}, normalized(np.where(P > 0.15, P, 0))),
        ({"top_k": 3, "top_p": 0.75}, normalized(np.where(P > 0.22, P, 0))),
        ({"top_k": 99, "top_p": 2.0}, P),
        ({"min_p": 0.3}, normalized(np.where(P > 0.12, P, 0))),
        ({"min_p": 0.45, "temperature": 2.0}, normalized(np.where(P > 0.0811, P, 0) ** 0.5)),
        ({"min_p": np.nan}, P),
        ({"min_p": -1.0}, P),
        ({"min_p": 7.0}, np.float32(P == P.max())),
    ],
    ids=str,
)
def test_frequencies_are_the_probabilities(given, probabilities):
    draws = draw(LOGITS, np.arange(NUM_DRAWS), **given)
    assert chi_square(draws, probabilities) < 20.5  # p = 0.001 at 5 degrees of freedom


def test_the_steps_of_one_seed_follow_the_probabilities():
    logits = tf.constant([LOGITS])
    options = [tf.constant([value]) for value in (1.0, 0, 1.0)] + [tf.constant([7], tf.int64)]

    @tf.function(jit_compile=True, autograph=False)
    def draws():
        return tf.map_fn(lambda step: sample(logits, *options, step)[0], tf.range(4000))

    assert chi_square(draws().numpy(), P) < 20.5


@pytest.mark.parametrize(
    "given",
    [{"temperature": 0.0}, {"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}, {"top_p": 0.0}],
    ids=str,
)
def test_no_chance_left_is_greedy(given):
    assert set(draw(LOGITS, np.arange(1000), **given)) == {1}


def test_top_k_of_one_takes_the_first_of_equals_as_greedy_does():
    equal = np.zeros(6, np.float32)
    assert (
        set(draw(equal, np.arange(100), top_k=1)) == set(draw(equal, [0], temperature=0.0)) == {0}
    )


@pytest.mark.parametrize("limit", [{"top_k": 3}, {"top_p": 0.33}], ids=str)
def test_limits_tell_neighbouring_numbers_apart(limit):
    """0, then ten numbers from -1 on, each the next below. Their shares: 0.21, then 0.08 each."""
    logits = np.float32([0.0, *(-1.0 - np.arange(10) * 2.0**-23)])
    assert len(set(logits)) == 11
    assert set(draw(logits, np.arange(500), **limit)) == {0, 1, 2}


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": np.nan},
        {"temperature": -1.0},
        {"temperature": np.inf},
        {"top_k": -5},
        {"top_k": 2**31 - 1},
        {"top_p": np.nan},
        {"top_p": -1.0},
    ],
    ids=str,
)
def test_a_bad_row_leaves_the_others_as_they_are(bad):
    seeds = np.arange(64)
    [(name, value)] = bad.items()
    mixed = np.full(64, OFF[name], np.float64)
    mixed[1::2] = value
    dtype = np.int32 if name == "top_k" else np.float32
    together = draw(LOGITS, seeds, **{name: mixed.astype(dtype)})
    np.testing.assert_array_equal(together[::2], draw(LOGITS, seeds)[::2])
    assert ((together >= 0) & (together < 6)).all()


def test_a_row_is_drawn_as_if_alone():
    rows = {"temperature": [0.0, 0.7, 1.3], "top_k": [0, 2, 0], "top_p": [0.5, 1.0, 0.9]}
    together = draw(LOGITS, [5, 6, 7], step=3, **rows)
    alone = [
        draw(LOGITS, [seed], step=3, **{name: values[i] for name, values in rows.items()})[0]
        for i, seed in enumerate([5, 6, 7])
    ]
    np.testing.assert_array_equal(together, alone)


@tf.function(jit_compile=True, autograph=False)
def sample_in_one_program(*arguments):
    with compiled(gradients=False, whole=True):
        return sample(*arguments)


@pytest.mark.parametrize("function", [sample, sample_in_one_program], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    ("top_k", "top_p", "num_kept"), [(200, 1.0, 200), (0, 0.2, None), (500, 0.5, None)], ids=str
)
def test_limits_of_a_large_vocabulary_keep_what_sorting_keeps(function, top_k, top_p, num_kept):
    logits = np.random.default_rng(0).normal(size=1000, scale=0.1).astype(np.float32)
    order = np.argsort(-logits)
    kept = order[: top_k or None]
    shares = np.cumsum(np.exp(logits[kept], dtype=np.float64))
    kept = kept[: 1 + np.searchsorted(shares, top_p * shares[-1])]
    assert num_kept in (None, len(kept))
    draws = function(
        tf.tile(logits[None], [NUM_DRAWS, 1]),
        tf.ones([NUM_DRAWS]),
        tf.fill([NUM_DRAWS], top_k),
        tf.fill([NUM_DRAWS], top_p),
        tf.range(NUM_DRAWS, dtype=tf.int64),
        tf.constant(0),
    )
    assert set(draws.numpy()) == set(kept)


def test_each_k_keeps_k_tokens():
    logits = np.random.default_rng(1).normal(size=1000, scale=0.1).astype(np.float32)
    order = np.argsort(-logits)
    sizes = np.repeat(np.arange(2, 42), 500)
    draws = draw(logits, np.arange(len(sizes)), top_k=sizes.astype(np.int32))
    for size in np.unique(sizes):
        assert set(draws[sizes == size]) == set(order[:size])


def test_the_lowest_number_draws_no_token_without_a_share():
    seed = 33897418
    assert uniform(tf.constant([seed], tf.int64), tf.constant(0)).numpy() == [0.0]
    logits = np.float32([-1e9, -1e9, 0.0, 0.0])
    assert draw(logits, [seed]) == [2]


def test_compiled_and_plain_draw_the_same():
    rows = 500
    arguments = (
        tf.random.stateless_normal([rows, 3000], [1, 2]),
        tf.fill([rows], 0.9),
        tf.where(tf.range(rows) % 3 == 0, 0, 40),
        tf.where(tf.range(rows) % 2 == 0, 1.0, 0.8),
        tf.range(rows, dtype=tf.int64),
        tf.constant(2),
    )
    assert np.mean(sample_in_one_program(*arguments) == sample(*arguments)) > 0.99
