"""What docs/migrating.md shows runs, in its order."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfzoo import models, pretrained, tokenizers
from tfzoo.layers.heads import ClassificationHead

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "migrating.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)
TEXTS = ["Hello, world. A fine film, dull.", "Paris is the capital of France. The file is open."]
SIZES = {"byte_pair": 280, "word_piece": 90, "sentence_piece": 150}
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 32}


def write(folder, preset, kind, labels=(), **options):
    """A model with random weights and its tokenizer, as transformers saves them."""
    tokenizer = tokenizers.train(kind, TEXTS * 9, SIZES[kind], **options)
    model = models.from_preset(preset, vocabulary_size=tokenizer.vocabulary_size, **SMALL)
    draws = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(draws.normal(0.0, 0.2, variable.shape))
    if labels:
        model.add_head("classification", ClassificationHead(len(labels)))
    folder.mkdir()
    pretrained.save(folder, model, tokenizer, labels)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop")
    write(folder / "gpt2", "gpt2_tiny", "byte_pair")
    write(folder / "bert", "bert_tiny", "word_piece")
    write(folder / "reviews", "bert_tiny", "word_piece", ["bad", "good"])
    write(folder / "t5", "t5_small", "sentence_piece", roles=("padding",))
    words = ("fine", "dull", "file", "film", "world", "open", "hello", "capital")
    pairs = itertools.permutations(words, 2)
    rows = [f"{' '.join(pair)},{'good' if 'fine' in pair else 'bad'}" for pair in pairs]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (folder / "texts.txt").write_text("\n".join(TEXTS * 20))
    return folder


def program(language, code):
    """The command of a block; training is made short."""
    if language == "python":
        return [[sys.executable, "-c", code]]
    short = "--train_steps=2 --warmup_steps=1 --global_batch_size=2 --sequence_length=16"
    lines = [line + (f" {short}" if "tfzoo.train" in line else "") for line in code.splitlines()]
    return [[sys.executable, *shlex.split(line)[1:]] for line in lines]


@pytest.mark.slow
def test_each_snippet_runs(workshop):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for language, code in BLOCKS:
        for command in program(language, code):
            ran = subprocess.run(
                command, cwd=workshop, env=environment, capture_output=True, text=True
            )
            assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
