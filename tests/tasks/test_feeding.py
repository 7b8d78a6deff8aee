"""Rows drawn at random: anew each time, and alike only where the place is the same."""

import numpy as np
import pytest

from tests.tasks.tiny_stores import byte_tokenizer, token_store
from tfzoo.tasks import TASKS
from tfzoo.tasks.feeding import Rows, evaluation_generator, training_generator


def row_that_tells(number, generator):
    """A row whose drawn numbers are seen."""
    drawn = generator.integers(1 << 30, size=2)
    return {"row": np.int64(number), "drawn": drawn, "weights": np.ones(1, np.float32)}


def training(count, steps, **arguments):
    arguments = {"global_batch_size": 4, "seed": 1, **arguments}
    batches = Rows(count, row_that_tells).training_batches(**arguments).take(steps)
    return list(batches.as_numpy_iterator())


def test_each_epoch_has_each_row_once_and_draws_anew():
    batches = training(6, 6)
    rows = np.concatenate([batch["row"] for batch in batches]).reshape(4, 6)
    assert (np.sort(rows, 1) == np.arange(6)).all()
    assert len({tuple(row) for row in rows}) == 4
    drawn = np.concatenate([batch["drawn"] for batch in batches])
    assert len({tuple(x) for x in drawn}) == 24


@pytest.mark.parametrize("seed", [0, -1, 2**70])
def test_any_seed_will_do(seed):
    (batch,) = training(6, 1, seed=seed)
    assert not np.array_equal(batch["drawn"], training(6, 1, seed=5)[0]["drawn"])


def test_generators_differ_by_all_that_they_are_made_of():
    places = [(0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 1)]
    drawn = [training_generator(*place).integers(1 << 60) for place in places]
    drawn += [evaluation_generator(row).integers(1 << 60) for row in (0, 1)]
    assert len(set(drawn)) == 6
    assert training_generator(0, 1, 0).integers(1 << 60) == drawn[0]


def test_evaluation_has_each_row_once_and_fills_up_with_weight_0():
    rows, found = Rows(7, row_that_tells), {}
    for index in range(2):
        batches = list(rows.evaluation_batches(batch_size=3, shard=(index, 2)))
        assert len(batches) == rows.num_evaluation_batches(batch_size=3, num_shards=2) == 2
        for batch in batches:
            for number, drawn, weight in zip(*(x.numpy() for x in batch.values()), strict=True):
                if weight:
                    assert found.setdefault(int(number), drawn) is drawn
    assert sorted(found) == list(range(7))
    alone = [row_that_tells(i, evaluation_generator(i))["drawn"] for i in range(7)]
    assert all((found[i] == alone[i]).all() for i in range(7))


def test_masks_are_others_in_each_epoch(tmp_path):
    task = TASKS["masked_lm"](tokenizer=byte_tokenizer())
    store = token_store(tmp_path / "store", ["gallia est omnis divisa"], task.tokenizer)
    batches = task.training_batches(store, sequence_length=27, global_batch_size=1, seed=0)
    found = [batch["positions"].tolist() for batch in batches.take(4).as_numpy_iterator()]
    assert len({str(x) for x in found}) == 4
