"""`--init_from` of a folder as transformers saves it: as good as that of a run."""

import json
import shutil

import numpy as np
import pytest
from small_runs import arguments, run, weights

from tfzoo import models, tokenizers, train, zoo
from tfzoo.layers.heads import ClassificationHead
from tfzoo.pretrained import write_model

CLASSES = ("classification", "two.csv")
STILL = ("--learning_rate=1e-30", "--weight_decay=0", "--train_steps=1")


@pytest.fixture(scope="module")
def published(folder):
    """A GPT-2 that tells three labels apart, its tables a little larger than its tokenizer."""
    place = folder / "published"
    tokenizer = tokenizers.train("byte_pair", ["one two three four five six seven"] * 9, 265)
    tokenizer.save(place)
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 40}
    model = models.from_preset("gpt2_tiny", vocabulary_size=270, dropout=0.3, **sizes)
    model.add_head("classification", ClassificationHead(3, use_bias=False))
    for weight in model.weights:
        weight.assign(np.random.default_rng(len(weight.path)).normal(size=weight.shape) / 4)
    write_model(model, place)
    return place, {weight.path: weight.numpy() for weight in model.weights}


def test_it_begins_with_these_weights_and_that_tokenizer(folder, published, tmp_path):
    place, theirs = published
    run(folder, tmp_path / "x", *CLASSES, f"--init_from={place}", *STILL, "--sequence_length=20")
    trained, ours = zoo.load(tmp_path / "x"), weights(tmp_path / "x")
    assert trained.model.config.max_sequence_length == 20
    assert trained.model.config.dropout == pytest.approx(0.3)
    assert trained.model.config.vocabulary_size == 270
    assert trained.tokenizer.fingerprint == tokenizers.load(place).fingerprint
    for path, array in theirs.items():
        if "/heads/" not in path:
            np.testing.assert_array_equal(ours[path], array[: len(ours[path])])
    facts = json.loads((tmp_path / "x" / "run.json").read_text())["facts"]
    assert len(facts["weights to begin with"]["sha256"]) == 64


@pytest.mark.slow
def test_stopped_and_resumed_is_never_stopped_though_the_folder_is_gone(
    folder, published, tmp_path
):
    shutil.copytree(published[0], tmp_path / "origin")
    options = (*CLASSES, f"--init_from={tmp_path / 'origin'}", "--dropout=0.1")
    whole = run(folder, tmp_path / "whole", *options)
    run(folder, tmp_path / "parts", *options, "--train_steps=2")
    shutil.rmtree(tmp_path / "origin")
    assert run(folder, tmp_path / "parts", *options) == whole


@pytest.mark.slow
def test_adapters_need_the_folder_as_it_was(folder, published, tmp_path, capfd):
    origin = tmp_path / "origin"
    shutil.copytree(published[0], origin)
    options = (*CLASSES, f"--init_from={origin}", "--lora_rank=2", "--lora_targets=query,value")
    whole = run(folder, tmp_path / "whole", *options)
    run(folder, tmp_path / "parts", *options, "--train_steps=2")
    assert run(folder, tmp_path / "parts", *options) == whole
    config = json.loads((origin / "config.json").read_text())
    (origin / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))
    given = arguments(folder, tmp_path / "parts", *options, "--train_steps=5")
    assert train.main(given) == 2
    assert "--init_from: the weights to begin with changed" in capfd.readouterr().err


@pytest.mark.slow
def test_its_language_model_is_trained_on(folder, published, tmp_path):
    options = ("causal_lm", "text", f"--init_from={published[0]}", "--train_steps=2")
    losses = run(folder, tmp_path / "x", *options)
    assert np.all(np.isfinite(losses))
    assert zoo.load(tmp_path / "x").generate(["one"], max_new_tokens=3)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, ["--sequence_length=41"], "is more than the 40 positions"),
        ({}, ["--preset=gpt2_tiny"], "--preset and --model_overrides tell of another"),
        ({}, ["--vocabulary_size=269"], "--vocabulary_size=269 is less than the 270"),
        ({}, ["--tokenizer=word_piece"], "--tokenizer=word_piece is another than that"),
        ({"model_type": "nonsense"}, [], "is of model_type 'nonsense'"),
        ({"scale_attn_weights": False}, [], "scale_attn_weights=False is not supported"),
        ({"n_head": 3}, [], "has a config.json that fits no model"),
    ],
)
def test_what_does_not_go_together_is_named(
    folder, published, tmp_path, capfd, change, options, message
):
    origin = tmp_path / "origin"
    shutil.copytree(published[0], origin)
    config = json.loads((origin / "config.json").read_text())
    (origin / "config.json").write_text(json.dumps({**config, **change}))
    given = arguments(folder, tmp_path / "x", *CLASSES, f"--init_from={origin}", *options)
    assert train.main([*given, "--dry_run"]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.slow
def test_a_folder_without_a_tokenizer_is_given_one(folder, published, tmp_path, capfd):
    origin = tmp_path / "origin"
    shutil.copytree(published[0], origin)
    for path in origin.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()
    options = (*CLASSES, f"--init_from={origin}", *STILL)
    assert train.main(arguments(folder, tmp_path / "x", *options)) == 2
    assert "holds no tokenizer" in capfd.readouterr().err
    run(folder, tmp_path / "x", *options, f"--tokenizer={published[0]}")
