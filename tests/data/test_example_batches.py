"""Batches of examples: a pure function of (seed, step), each example once an epoch, by length."""

from itertools import islice

import numpy as np
import pytest

from tfzoo.data import (
    build_example_store,
    evaluation_example_batches,
    example_batches,
    num_evaluation_example_batches,
    open_examples,
)
from tfzoo.data.examples import bucket_lengths
from tfzoo.data.examples.batches import POOL_BATCHES

LENGTHS = bucket_lengths(64, shortest=8)
COLUMNS = {
    "token_ids": lambda example: list(example["source"].encode()),
    "decoder_token_ids": lambda example: list(example["target"].encode()),
}
LONGEST = {"length_columns": tuple(COLUMNS), "lengths": LENGTHS}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    draw = np.random.default_rng(0).integers(1, 81, (300, 2))
    rows = (
        f"{chr(97 + n % 26) * source}\t{'b' * target}\n" for n, (source, target) in enumerate(draw)
    )
    (folder / "pairs.tsv").write_text("".join(rows))
    source = open_examples("pairs", files=[folder / "pairs.tsv"])
    options = {"recipe": "bytes", "data_dir": str(folder), "validation_fraction": 0.1}
    return build_example_store(source, COLUMNS, progress=False, **options).train


def batches(store, count, first_step=1, size=8, **options):
    options = {"seed": 0, "first_step": first_step, **LONGEST, **options}
    return list(islice(example_batches(store, global_batch_size=size, **options), count))


def indices(found):
    return np.stack([batch.indices for batch in found])


def sizes(store):
    return np.maximum(*(store.lengths(column) for column in COLUMNS))


@pytest.mark.parametrize("first_step", [2, 7, 95])
def test_a_run_may_begin_at_any_step(store, first_step):
    assert store.num_examples < 8 * 90  # so that the steps reach later epochs
    late, whole = batches(store, 10, first_step), batches(store, first_step + 9)[first_step - 1 :]
    np.testing.assert_array_equal(indices(late), indices(whole))
    assert [(b.step, b.length) for b in late] == [(b.step, b.length) for b in whole]


def test_workers_share_the_rows_of_a_step(store):
    whole = batches(store, 80)
    halves = [batches(store, 80, rows=rows) for rows in ((0, 3), (3, 8))]
    np.testing.assert_array_equal(np.hstack([indices(half) for half in halves]), indices(whole))
    for half in halves:
        assert [batch.length for batch in half] == [batch.length for batch in whole]


def test_the_longest_of_each_pool_stands_in_another_place(store):
    count = store.num_examples // POOL_BATCHES * POOL_BATCHES
    lengths = sizes(store)[indices(batches(store, count, size=1))]
    places = lengths.reshape(-1, POOL_BATCHES).argmax(1)
    assert len(set(places)) > 2


@pytest.mark.parametrize("size", [1, 7, 8, 16, 1000])
def test_each_example_comes_once_an_epoch(store, size):
    count = store.num_examples
    seen = indices(batches(store, -(-3 * count // size), size=size)).ravel()
    for epoch in range(3):
        own = seen[epoch * count : (epoch + 1) * count]
        np.testing.assert_array_equal(np.sort(own), np.arange(count))


def test_epochs_and_seeds_have_orders_of_their_own(store):
    count = store.num_examples
    first, second = indices(batches(store, 2 * count, size=1)).reshape(2, count)
    other = indices(batches(store, count, size=1, seed=1)).ravel()
    assert len({order.tobytes() for order in (first, second, other, np.arange(count))}) == 4


def test_epochs_and_seeds_share_examples_out_in_their_own_way(store):
    count = store.num_examples
    assert count > 2 * POOL_BATCHES
    pools = [
        indices(batches(store, POOL_BATCHES, first, size=1, seed=seed)).ravel()
        for first, seed in ((1, 0), (1 + count, 0), (1, 1))
    ]
    assert len({tuple(sorted(pool)) for pool in pools}) == 3


def test_examples_of_a_batch_are_of_similar_length(store):
    own = sizes(store)
    spread = [np.ptp(own[batch.indices]) for batch in batches(store, 100)]
    assert np.median(spread) < np.ptp(own) / 10


def test_batches_do_not_come_by_length(store):
    lengths = [batch.length for batch in batches(store, 30)]
    assert sorted(lengths) != lengths != sorted(lengths, reverse=True)


def test_the_length_is_the_smallest_that_holds_all_rows_or_the_largest(store):
    own = sizes(store)
    for batch in batches(store, 100):
        longest = own[batch.indices].max()
        fitting = [length for length in LENGTHS if length >= longest]
        assert batch.length == (fitting or LENGTHS[-1:])[0]


@pytest.mark.parametrize(("batch_size", "count"), [(8, 1), (3, 2), (5, 3), (1000, 4)])
def test_evaluation_takes_each_example_once(store, batch_size, count):
    shards = [
        list(evaluation_example_batches(store, batch_size=batch_size, shard=(i, count), **LONGEST))
        for i in range(count)
    ]
    expected = num_evaluation_example_batches(store, batch_size=batch_size, num_shards=count)
    assert [len(shard) for shard in shards] == [expected] * count
    seen = [batch.indices[batch.weights == 1] for shard in shards for batch in shard]
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(store.num_examples))
    assert {len(batch.indices) for shard in shards for batch in shard} == {batch_size}


def test_shards_of_an_evaluation_have_equal_lengths(store):
    shards = [
        evaluation_example_batches(store, batch_size=3, shard=(i, 2), **LONGEST) for i in range(2)
    ]
    assert all(one.length == other.length for one, other in zip(*shards, strict=True))


def test_bucket_lengths_end_with_the_longest():
    assert bucket_lengths(100) == (16, 24, 32, 48, 64, 96, 100)
    assert bucket_lengths(8) == (8,)
