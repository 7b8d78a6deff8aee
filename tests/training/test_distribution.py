"""Which flags and machines go together, and what is said when they do not."""

import dataclasses
import json

import pytest
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig
from tfzoo.training.distribution import check

TWO = {"worker": ["a:1", "b:2"]}


def environ(cluster, job="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})}


@pytest.mark.parametrize(
    ("fields", "environ", "expected"),
    [
        ({}, {}, ("none", 0, 1, 1)),
        ({"num_virtual_devices": 4}, {}, ("mirrored", 0, 1, 4)),
        ({"strategy": "mirrored"}, {}, ("mirrored", 0, 1, 1)),
        ({}, environ(TWO, index=1), ("multi_worker", 1, 2, 1)),
        ({}, environ({"worker": ["a:1"]}), ("none", 0, 1, 1)),
        ({"strategy": "none"}, environ(TWO), ("none", 0, 1, 1)),
        ({"strategy": "multi_worker"}, environ({"worker": ["a:1"]}), ("multi_worker", 0, 1, 1)),
        ({}, environ({"chief": ["c:0"], **TWO}, "worker", 1), ("multi_worker", 2, 3, 1)),
        ({}, environ({"chief": ["c:0"], **TWO}, "chief"), ("multi_worker", 0, 3, 1)),
        ({}, {"TF_CONFIG": "{}"}, ("none", 0, 1, 1)),
    ],
)
@pytest.mark.skipif(tf.config.list_physical_devices("GPU"), reason="counts the devices of CPUs")
def test_auto_takes_what_is_there(fields, environ, expected):
    place = check(TrainConfig(global_batch_size=12, **fields), environ)
    assert dataclasses.astuple(place) == expected


@pytest.mark.parametrize(
    ("fields", "environ", "message"),
    [
        (
            {"num_microbatches": 3},
            {},
            "--global_batch_size=8 must .* --num_microbatches, here 1 x 3",
        ),
        ({"num_virtual_devices": 3}, {}, "--global_batch_size=8 must .* here 3 x 1"),
        ({"num_microbatches": 8}, environ(TWO), "--global_batch_size=8 must .* here 2 x 8"),
        ({"num_virtual_devices": 2, "jit": "true"}, {}, "--jit=true .* one device"),
        ({"jit": "true"}, environ(TWO), "--jit=true .* one device"),
        ({"num_virtual_devices": 2, "strategy": "none"}, {}, "--num_virtual_devices=2 works with"),
        ({"num_virtual_devices": 2}, environ(TWO), "--num_virtual_devices=2 works with"),
        ({"strategy": "multi_worker"}, {}, "--strategy=multi_worker needs .* TF_CONFIG"),
        ({}, {"TF_CONFIG": "{worker"}, "TF_CONFIG must be JSON"),
        ({}, {"TF_CONFIG": '["worker"]'}, "TF_CONFIG must be JSON"),
        ({}, {"TF_CONFIG": json.dumps({"cluster": TWO})}, "TF_CONFIG must be JSON"),
        ({}, environ(TWO, index=2), "a task among them. .* task worker 2"),
        ({}, environ({"ps": ["p:0"], **TWO}), "jobs worker and at most one chief"),
        ({}, environ({"chief": ["c:0", "d:0"], **TWO}), "jobs worker and at most one chief"),
    ],
)
def test_what_cannot_work_is_named(fields, environ, message):
    with pytest.raises(UsageError, match=message):
        check(TrainConfig(global_batch_size=8, **fields), environ)
