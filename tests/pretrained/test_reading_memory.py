"""Reading a checkpoint takes little more memory than the weights themselves."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

MEGABYTE = 1 << 20
SIZES = {"vocabulary_size": 60_000, "hidden_dim": 512, "num_layers": 12, "num_heads": 8}
_READS = """
import json, sys, threading, time
from tfzoo import models
from tfzoo.pretrained import read_model

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))

models.from_preset("gpt2_tiny")  # What TensorFlow itself takes is there now.
before, most, done = anonymous(), [0], threading.Event()

def watch():
    while not done.wait(0.001):
        most[0] = max(most[0], anonymous())

watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
model, _ = read_model(sys.argv[1])
done.set()
watcher.join()
weights = sum(4 * v.numpy().size for v in model.trainable_variables)
print(json.dumps({"peak": max(most[0], anonymous()) - before, "weights": weights}))
"""


@pytest.mark.slow
def test_at_most_two_tensors_are_beside_the_weights(tmp_path):
    largest = _write(tmp_path)
    result = subprocess.run(
        [sys.executable, "-c", _READS, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["weights"] > 250 * MEGABYTE
    assert found["peak"] <= found["weights"] + 2 * largest + 200 * MEGABYTE


def _write(folder):
    """A GPT-2 of about 300 MB; gives the bytes of its largest tensor."""
    m, v, n = (SIZES[name] for name in ("hidden_dim", "vocabulary_size", "num_layers"))
    shapes = {"wte.weight": (v, m), "wpe.weight": (64, m), "ln_f.weight": (m,), "ln_f.bias": (m,)}
    layer = {"ln_1": (m,), "ln_2": (m,), "attn.c_attn": (m, 3 * m), "attn.c_proj": (m, m)}
    layer |= {"mlp.c_fc": (m, 4 * m), "mlp.c_proj": (4 * m, m)}
    for i in range(n):
        for name, shape in layer.items():
            shapes |= {f"h.{i}.{name}.weight": shape, f"h.{i}.{name}.bias": shape[-1:]}
    arrays = {name: np.full(shape, 0.01, np.float32) for name, shape in shapes.items()}
    safetensors.numpy.save_file(arrays, folder / "model.safetensors")
    config = {"model_type": "gpt2", "vocab_size": v, "n_positions": 64, "n_embd": m}
    config |= {"n_layer": n, "n_head": SIZES["num_heads"]}
    (folder / "config.json").write_text(json.dumps(config))
    return 4 * v * m
