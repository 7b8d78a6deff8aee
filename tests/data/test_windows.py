"""Batches: a pure function of (seed, step) that shows each window once an epoch."""

import numpy as np
import pytest

from tests.data.texts import words
from tfzoo.data import (
    build_whole_store,
    evaluation_batches,
    num_evaluation_batches,
    num_windows,
    open_source,
    training_batches,
)
from tfzoo.errors import UsageError

LENGTH = 16


@pytest.fixture(scope="module")
def store(tmp_path_factory, byte_pair):
    folder = tmp_path_factory.mktemp("data")
    for number in range(3):
        (folder / f"{number}.txt").write_text(words(200, seed=number))
    source = open_source(text_files=[str(folder / "*.txt")])
    return build_whole_store(source, byte_pair, data_dir=str(folder), progress=False)


def batches(store, count, first_step=1, size=8, **options):
    dataset = training_batches(
        store,
        sequence_length=LENGTH,
        global_batch_size=size,
        **{"seed": 0, "first_step": first_step, **options},
    )
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


def same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for key in ("token_ids", "targets", "weights"):
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("first_step", [2, 7, 31])
def test_a_run_may_begin_at_any_step(store, first_step):
    assert num_windows(store, LENGTH) < 8 * 30  # so that the steps reach the second epoch
    same(batches(store, 10, first_step), batches(store, first_step + 9)[first_step - 1 :])


def test_workers_share_the_rows_of_a_step(store):
    whole = batches(store, 5)
    halves = [batches(store, 5, rows=rows) for rows in ((0, 3), (3, 8))]
    joined = [
        {key: np.concatenate([one[key], other[key]]) for key in one}
        for one, other in zip(*halves, strict=True)
    ]
    same(joined, whole)


@pytest.mark.parametrize("epoch", [0, 1])
def test_each_window_comes_once_an_epoch(store, epoch):
    count = num_windows(store, LENGTH)
    rows = [batch["token_ids"][0] for batch in batches(store, count, 1 + epoch * count, size=1)]
    windows = store.tokens[: count * LENGTH].reshape(count, LENGTH)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, windows))
    assert any((row != window).any() for row, window in zip(rows, windows, strict=True))


def test_epochs_and_seeds_have_orders_of_their_own(store):
    count = num_windows(store, LENGTH)
    orders = [
        batches(store, count, first, size=1, seed=seed)
        for first, seed in ((1, 0), (1 + count, 0), (1, 1))
    ]
    flat = {np.concatenate([batch["token_ids"] for batch in order]).tobytes() for order in orders}
    assert len(flat) == 3


def test_targets_are_the_next_tokens(store):
    for batch in batches(store, 20):
        np.testing.assert_array_equal(batch["token_ids"][:, 1:], batch["targets"][:, :-1])
    first = store.tokens[: LENGTH + 1]
    row = next(
        (batch["token_ids"][row], batch["targets"][row])
        for batch in batches(store, 40)
        for row in range(8)
        if (batch["token_ids"][row] == first[:-1]).all()
    )
    np.testing.assert_array_equal(row[1], first[1:])


def test_batches_have_their_types_and_shapes(store):
    dataset = training_batches(store, sequence_length=4, global_batch_size=6, seed=0, rows=(1, 3))
    found = {
        key: (spec.shape.as_list(), spec.dtype.name) for key, spec in dataset.element_spec.items()
    }
    assert found == {
        "token_ids": ([2, 4], "int32"),
        "targets": ([2, 4], "int32"),
        "weights": ([2, 4], "float32"),
    }


def test_all_weights_of_training_are_one(store):
    assert all((batch["weights"] == 1).all() for batch in batches(store, 20))


def test_text_too_short_for_a_window_is_a_clear_error(store):
    message = rf"--sequence_length=99999 needs 100000 tokens .* Received: {store.num_tokens}"
    with pytest.raises(UsageError, match=message):
        training_batches(store, sequence_length=99_999, global_batch_size=1, seed=0)


@pytest.mark.parametrize("stride", [None, 1, LENGTH // 2, LENGTH - 1, LENGTH])
@pytest.mark.parametrize(("batch_size", "count"), [(8, 1), (3, 2), (5, 3), (1000, 4)])
def test_evaluation_takes_each_token_but_the_first_as_a_target_once(
    store, batch_size, count, stride
):
    options = {"sequence_length": LENGTH, "batch_size": batch_size, "stride": stride}
    shards = [list(evaluation_batches(store, shard=(i, count), **options)) for i in range(count)]
    expected = num_evaluation_batches(store, num_shards=count, **options)
    assert [len(shard) for shard in shards] == [expected] * count
    seen = [
        (batch["token_ids"].numpy()[real], batch["targets"].numpy()[real])
        for group in zip(*shards, strict=True)
        for batch in group
        for real in [batch["weights"].numpy() == 1]
    ]
    np.testing.assert_array_equal(np.concatenate([read for read, _ in seen]), store.tokens[:-1])
    np.testing.assert_array_equal(np.concatenate([wanted for _, wanted in seen]), store.tokens[1:])


def test_evaluation_fills_up_with_end_of_text_of_weight_0(store):
    (batch,) = evaluation_batches(store, sequence_length=store.num_tokens + 5, batch_size=2)
    filling = batch["weights"].numpy() == 0
    assert filling.sum() == (store.num_tokens + 5) * 2 - (store.num_tokens - 1)
    for key in ("token_ids", "targets"):
        assert (batch[key].numpy()[filling] == store.end_of_text).all()
