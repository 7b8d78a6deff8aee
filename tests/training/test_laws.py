"""A step depends on its batch alone, not on how the batch was cut or where it was computed."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

FIELDS = {"train_steps": 8, "global_batch_size": 8, "clip_norm": 0.1, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """[[loss, gradient norm], ...] of one device and one microbatch."""
    return _numbers(tmp_path_factory.mktemp("whole"), FIELDS)


def _numbers(folder, fields):
    return np.array(tiny_run.numbers(tiny_run.uneven_steps(tiny_run.tiny_config(folder, **fields))))


def test_clipping_bites_and_training_moves(whole):
    losses, norms = whole.T
    assert np.all(norms > 2 * FIELDS["clip_norm"])
    assert np.ptp(losses) > 1e-2


def test_accumulation_is_the_large_batch(whole, tmp_path):
    parts = _numbers(tmp_path, {**FIELDS, "num_microbatches": 4})
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


@pytest.mark.slow  # Two devices of jit=auto are held to the plain steps, too.
@pytest.mark.parametrize("jit", ["auto", "true"])
def test_compiled_steps_are_plain_steps(whole, tmp_path, jit):
    np.testing.assert_allclose(_numbers(tmp_path, {**FIELDS, "jit": jit}), whole, rtol=1e-5)


@pytest.mark.parametrize(
    "fields", [{"jit": "auto"}, pytest.param({"num_microbatches": 2}, marks=pytest.mark.slow)]
)
def test_recomputed_blocks_learn_what_kept_ones_do(tmp_path, fields):
    dropping = {**FIELDS, **fields, "dropout": 0.2}
    kept, recomputed = (_numbers(tmp_path, {**dropping, "remat": r}) for r in (False, True))
    np.testing.assert_allclose(recomputed, kept, rtol=1e-5)


def test_two_devices_are_one(whole, tmp_path):
    plain = {**FIELDS, "num_virtual_devices": 2, "jit": "auto"}
    runs = [{**plain, "num_microbatches": 2}]
    [found] = json.loads(tiny_run.output_of(tiny_run.start(tmp_path, runs)))
    np.testing.assert_allclose(found, whole, rtol=1e-5)


@pytest.mark.slow
def test_two_devices_drop_what_one_does(whole, tmp_path):
    """As do two microbatches of one device."""
    dropping = {**FIELDS, "dropout": 0.2, "jit": "auto"}
    runs = [{**dropping, "num_virtual_devices": 2}]
    [found] = json.loads(tiny_run.output_of(tiny_run.start(tmp_path, runs)))
    one_device = _numbers(tmp_path, dropping)
    np.testing.assert_allclose(found, one_device, rtol=1e-5)
    parts = _numbers(tmp_path, {**dropping, "num_microbatches": 2, "jit": "false"})
    np.testing.assert_allclose(parts, one_device, rtol=1e-5)
    assert not np.allclose(one_device, whole, rtol=1e-3)


@pytest.mark.parametrize("jit", ["false", pytest.param("auto", marks=pytest.mark.slow)])
def test_two_workers_are_one(whole, tmp_path, jit):
    workers = tiny_run.start_workers(tmp_path, [{**FIELDS, "jit": jit}])
    outputs = [json.loads(tiny_run.output_of(worker)) for worker in workers]
    assert outputs[0] == outputs[1]
    np.testing.assert_allclose(outputs[0][0], whole, rtol=1e-5)


def test_each_step_and_microbatch_draws_its_own_dropout(tmp_path):
    config = tiny_run.tiny_config(tmp_path, num_microbatches=2)
    steps = tiny_run.tiny_trainer(config)._steps
    drawn = [steps._seed(tf.constant(step), i) for step in range(1, 5) for i in range(2)]
    assert len({tuple(seed.numpy()) for seed in drawn}) == 8
