"""Compiled programs: several threads may run one for the first time at once."""

import gc
import subprocess
import sys
import weakref

import pytest
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels import cluster

SAFE, WIDE = f"{cluster._FUSIONS}individual_dot", f"{cluster._WIDTH}512"
PROGRAM = """
import tensorflow as tf
from tfzoo.kernels import cluster

tf.config.threading.set_intra_op_parallelism_threads(1)

def softmax(x):
    e = tf.exp(x - tf.reduce_max(x, -1, keepdims=True))
    return tf.matmul(e / tf.reduce_sum(e, -1, keepdims=True), x, transpose_a=True)

for _ in range(150):
    program = cluster.program(softmax)
    both = tf.function(lambda a, b: (program(a) + 1.0, program(b) + 2.0), autograph=False)
    x = tf.random.normal([1024, 84])
    both(x, x)
"""


@pytest.mark.slow
def test_two_branches_run_a_new_program_at_once():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[:2000]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", f"{SAFE} {WIDE}"),
        ("--xla_dump_to=d", f"{SAFE} {WIDE} --xla_dump_to=d"),
        ("flags.txt", "flags.txt"),
        (f"{cluster._FUSIONS}reduce", f"{WIDE} {cluster._FUSIONS}reduce"),
        (f"{cluster._WIDTH}256", f"{SAFE} {cluster._WIDTH}256"),
    ],
)
def test_xla_flags_of_the_user_are_kept(given, expected):
    assert cluster._xla_flags(given, ["avx2", "avx512_bf16"]) == expected
    assert WIDE not in cluster._xla_flags(given, ["avx2", "avx512f"])


@pytest.mark.parametrize("enabled", [False, True])
def test_graphs_that_take_no_gradients_are_given_back(enabled):
    def traced():
        @tf.function(autograph=False)
        def run(table):
            with kernels.compiled(enabled, gradients=False):
                x = kernels.embedding_lookup(table, tf.constant([[1, 2]]))
                return kernels.layer_norm(x, tf.ones([4]), None, epsilon=1e-5, dtype="float32")

        return weakref.ref(run.get_concrete_function(tf.TensorSpec([5, 4])).graph)

    graph = traced()
    gc.collect()
    assert graph() is None
