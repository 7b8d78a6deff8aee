"""A batch cut in two for a CPU's cores is the batch."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfzoo import kernels
from tfzoo.models.gpt2 import GPT2Config
from tfzoo.training import distribution, step
from tfzoo.training.config import TrainConfig


def test_parts_are_the_rows_in_order():
    batch = {"token_ids": tf.reshape(tf.range(12), [4, 3]), "weights": tf.range(4.0)[:, None]}
    parts = kernels.streams.cut(batch, 2)
    for name, x in batch.items():
        np.testing.assert_array_equal(tf.concat([part[name] for part in parts], 0), x)
        assert [part[name].shape[0] for part in parts] == [2, 2]


def test_rows_that_do_not_divide_stay_together():
    assert len(kernels.streams.cut({"token_ids": tf.zeros([3, 2])}, 2)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"dropout": 0.3}, marks=pytest.mark.slow),
        {"dropout": 0.3, "num_microbatches": 2},
    ],
)
def test_two_streams_are_one(tmp_path, monkeypatch, fields):
    def numbers(num_streams):
        monkeypatch.setattr(kernels.streams, "num_streams", lambda *_: num_streams)
        config = tiny_run.tiny_config(tmp_path, global_batch_size=8, **fields)
        return np.array(tiny_run.numbers(tiny_run.uneven_steps(config)))

    np.testing.assert_allclose(numbers(2), numbers(1), rtol=1e-5)


@pytest.mark.skipif(tf.config.list_physical_devices("GPU"), reason="streams are for CPUs")
@pytest.mark.parametrize(
    ("fields", "place", "expected"),
    [
        ({}, {}, 2),
        ({"jit": "true"}, {}, 1),
        ({"global_batch_size": 7}, {}, 1),
        ({"num_microbatches": 8}, {}, 1),
        ({}, {"num_local_replicas": 2}, 1),
        ({}, {"num_workers": 2}, 2),
        ({}, {"num_workers": 8}, 1),
        ({"global_batch_size": 2}, {}, 1),
    ],
    ids=["whole", "one program", "odd", "odd parts", "devices", "workers", "odd rows", "little"],
)
def test_a_step_is_cut_where_that_gains(fields, place, expected):
    config = TrainConfig(**fields)
    place = distribution.Place(kind="any", **place)
    model = GPT2Config(num_layers=1, num_heads=8, hidden_dim=512, max_sequence_length=256)
    assert step.num_streams(config, place, model) == expected


@pytest.mark.skipif(tf.config.list_physical_devices("GPU"), reason="streams are for CPUs")
def test_fewer_tokens_than_the_model_is_wide_are_not_cut():
    assert [kernels.streams.num_streams(n, 768) for n in (256, 768, 769)] == [1, 1, 2]
    assert [kernels.streams.num_streams(n, 1600) for n in (1023, 1024)] == [1, 2]
    assert kernels.streams.num_streams(256, 128) == kernels.streams.num_streams() == 2


@pytest.mark.slow
def test_a_thread_is_spared_before_tensorflow_runs():
    code = (
        "import os, tensorflow as tf; from tfzoo import kernels; kernels.streams.spare_a_thread();"
        "cores = len(os.sched_getaffinity(0));"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == max(1, cores - 1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
