"""A batch cut in two for a CPU's cores is the batch."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfzoo import kernels
from tfzoo.training import distribution, step
from tfzoo.training.config import TrainConfig


def test_parts_are_the_rows_in_order():
    batch = {"token_ids": tf.reshape(tf.range(12), [4, 3]), "weights": tf.range(4.0)[:, None]}
    parts = kernels.cut(batch, 2)
    for name, x in batch.items():
        np.testing.assert_array_equal(tf.concat([part[name] for part in parts], 0), x)
        assert [part[name].shape[0] for part in parts] == [2, 2]


def test_rows_that_do_not_divide_stay_together():
    assert len(kernels.cut({"token_ids": tf.zeros([3, 2])}, 2)) == 1


@pytest.mark.parametrize("fields", [{"dropout": 0.3}, {"dropout": 0.3, "num_microbatches": 2}])
def test_two_streams_are_one(tmp_path, monkeypatch, fields):
    def numbers():
        config = tiny_run.tiny_config(tmp_path, global_batch_size=8, **fields)
        return np.array(tiny_run.numbers(tiny_run.uneven_steps(config)))

    two = numbers()
    monkeypatch.setattr(kernels, "num_streams", lambda: 1)
    np.testing.assert_allclose(two, numbers(), rtol=1e-5)


def test_a_step_of_one_program_has_one_stream():
    place = distribution.create(TrainConfig())
    assert step._num_streams(place, "auto") == kernels.num_streams()
    assert step._num_streams(place, "true") == 1


def test_a_thread_is_spared_before_tensorflow_runs():
    code = (
        "import os, tensorflow as tf; from tfzoo import kernels; kernels.spare_a_thread();"
        "cores = len(os.sched_getaffinity(0));"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == max(1, cores - 1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
