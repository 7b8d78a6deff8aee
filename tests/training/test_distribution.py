"""Which flags and machines go together, and what is said when they do not."""

import json

import pytest

from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig
from tfzoo.training.distribution import Cluster, check

TWO = {"worker": ["a:1", "b:2"]}


def environ(cluster, job="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})}


@pytest.mark.parametrize(
    ("fields", "environ", "kind", "cluster"),
    [
        ({}, {}, "none", None),
        ({"num_virtual_devices": 4}, {}, "mirrored", None),
        ({"strategy": "mirrored"}, {}, "mirrored", None),
        ({}, environ(TWO, index=1), "multi_worker", Cluster(1, 2)),
        ({}, environ({"worker": ["a:1"]}), "none", None),
        ({"strategy": "none"}, environ(TWO), "none", None),
        ({"strategy": "multi_worker"}, environ({"worker": ["a:1"]}), "multi_worker", Cluster(0, 1)),
        ({}, environ({"chief": ["c:0"], **TWO}, "worker", 1), "multi_worker", Cluster(2, 3)),
        ({}, environ({"chief": ["c:0"], **TWO}, "chief"), "multi_worker", Cluster(0, 3)),
        ({}, {"TF_CONFIG": "{}"}, "none", None),
    ],
)
def test_auto_takes_what_is_there(fields, environ, kind, cluster):
    assert check(TrainConfig(global_batch_size=12, **fields), environ) == (kind, cluster)


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
