"""A step depends on its batch alone, not on how the batch was cut or where it was computed."""

import json

import numpy as np
import pytest
import tiny_run

FIELDS = {"train_steps": 8, "global_batch_size": 8, "clip_norm": 0.1, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """[[loss, gradient norm], ...] of one device and one microbatch."""
    return _numbers(tmp_path_factory.mktemp("whole"), FIELDS)


def _numbers(folder, fields):
    records = tiny_run.uneven_steps(tiny_run.tiny_config(folder, **fields))
    return np.array([[r.loss, r.gradient_norm] for r in records])


def test_clipping_bites_and_training_moves(whole):
    losses, norms = whole.T
    assert np.all(norms > 2 * FIELDS["clip_norm"])
    assert np.ptp(losses) > 1e-2


def test_accumulation_is_the_large_batch(whole, tmp_path):
    parts = _numbers(tmp_path, {**FIELDS, "num_microbatches": 4})
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


@pytest.mark.parametrize("jit", ["auto", "true"])
def test_compiled_steps_are_plain_steps(whole, tmp_path, jit):
    np.testing.assert_allclose(_numbers(tmp_path, {**FIELDS, "jit": jit}), whole, rtol=1e-5)


def test_two_devices_are_one(whole, tmp_path):
    fields = {**FIELDS, "num_virtual_devices": 2, "num_microbatches": 2, "jit": "auto"}
    output = tiny_run.output_of(tiny_run.start(tmp_path, fields, "--uneven"))
    np.testing.assert_allclose(json.loads(output), whole, rtol=1e-5)


def test_two_workers_are_one(whole, tmp_path):
    workers = tiny_run.start_workers(tmp_path, {**FIELDS, "jit": "auto"}, "--uneven")
    outputs = [json.loads(tiny_run.output_of(worker)) for worker in workers]
    assert outputs[0] == outputs[1]
    np.testing.assert_allclose(outputs[0], whole, rtol=1e-5)
