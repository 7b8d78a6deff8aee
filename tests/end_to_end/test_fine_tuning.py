"""Adapters as a user trains them: killed, resumed, evaluated, written with and exported."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

import tfzoo
from tests.programs import Program
from tfzoo.training.checkpoints import Checkpoints

LORA = {"preset": None, "model_overrides": None, "tokenizer": None, "sequence_length": None}
LORA |= {"lora_rank": 2, "lora_dropout": 0.1, "train_steps": 120, "eval_every_steps": 60}


@pytest.fixture(scope="module")
def base(workshop):
    workshop.train(workshop.flags("base", train_steps=20))
    return workshop.path("base")


def program(workshop, name, *arguments):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    given = ["--model_dir=killed", *arguments]
    process = Program(f"tfzoo.{name}", given, workshop.folder, environment)
    assert process.wait() == 0, process.written()[1]
    return process.written()[0]


@pytest.mark.slow
def test_killed_adapters_go_on_and_the_programs_read_them(workshop, base):
    flags = {**LORA, "init_from": "base"}
    workshop.train(workshop.flags("calm", **flags))
    process = workshop.start(workshop.flags("killed", **flags))
    workshop.wait_for_rows("killed", 70, process)
    process.kill()
    process.wait()
    output = workshop.train(workshop.flags("killed", **flags, **{}))
    assert "from step" in output and " of " in output
    assert workshop.rows("killed") == workshop.rows("calm")

    score = json.loads(program(workshop, "evaluate"))
    rows = [row for row in workshop.rows("killed") if "validation_loss" in row]
    assert score["loss"] == pytest.approx(rows[-1]["validation_loss"], rel=1e-4)
    assert program(workshop, "generate", "--prompt=Four", "--max_new_tokens=5")
    version = program(workshop, "export", "--export_dir=served").strip()
    served = tf.saved_model.load(str(workshop.path(version))).signatures["logits"]
    model = tfzoo.load(workshop.path("killed"), merged=False).model
    ids = np.arange(9)[None]
    found = served(token_ids=tf.constant(ids, tf.int32), lengths=tf.constant([9]))["logits"]
    np.testing.assert_allclose(found, model(ids), rtol=1e-4, atol=1e-4)
    sizes = [Checkpoints(workshop.path(x, "checkpoints")).folder for x in ("base", "killed")]
    base_size, size = (
        max(path.stat().st_size for path in folder.rglob("variables.safetensors"))
        for folder in sizes
    )
    assert size < base_size / 2
