"""What of a model is trained, and how fast: frozen and slower layers, adapters, more tokens."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny_run
from small_runs import arguments, first_run, weights

from tfzoo import models, tokenizers, train, zoo
from tfzoo.errors import UsageError
from tfzoo.training import checks
from tfzoo.training.config import TrainConfig
from tfzoo.training.layer_rates import rate_scales
from tfzoo.training.metrics import read_rows
from tfzoo.training.model_dir import ModelDir

LORA = ("--lora_rank=2", "--lora_targets=query_key_value,output")
CLASSES = ("classification", "two.csv")


@pytest.fixture(scope="module")
def gpt2(folder):
    return first_run(folder, "first_gpt2", "gpt2_tiny", "classification", "--tokenizer=bytes")


def run(folder, model_dir, *options):
    assert train.main(arguments(folder, model_dir, *CLASSES, *options)) == 0
    return [row["loss"] for row in read_rows(model_dir) if "loss" in row]


def refused(capfd, folder, model_dir, *options):
    assert train.main(arguments(folder, model_dir, *CLASSES, *options)) == 2
    return capfd.readouterr().err


def saved(model_dir):
    return ModelDir(model_dir).checkpoints.restore().arrays


FROZEN = "--freeze=embedding,block_0/attention"


def test_frozen_weights_keep_their_bits_and_have_no_moments(folder, gpt2, tmp_path):
    run(folder, tmp_path / "x", f"--init_from={gpt2}", FROZEN, "--ema_decay=0.5")
    before, after = weights(gpt2), saved(tmp_path / "x")
    for path, array in before.items():
        frozen = "embedding" in path or "block_0/attention" in path
        assert np.array_equal(after[f"model/{path}"], array) == frozen
        for group in ("optimizer/first_moment", "optimizer/second_moment", "ema"):
            assert (f"{group}/{path}" in after) != frozen


@pytest.mark.slow
def test_with_frozen_weights_stopped_and_resumed_is_never_stopped(folder, gpt2, tmp_path):
    options = (f"--init_from={gpt2}", FROZEN, "--layer_decay=0.5")
    whole = run(folder, tmp_path / "whole", *options)
    run(folder, tmp_path / "parts", *options, "--train_steps=2")
    assert run(folder, tmp_path / "parts", *options) == whole
    assert whole != run(folder, tmp_path / "free", options[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields", [{}, {"remat": True}, {"num_microbatches": 2, "jit": "auto"}], ids=str
)
def test_what_is_not_frozen_has_the_gradient_that_it_has_elsewhere(tmp_path, fields):
    """One step, without clipping by a norm that fewer weights have."""
    moved = {}
    for freeze in ((), ("block_0/attention", "position")):
        config = tiny_run.tiny_config(
            tmp_path / str(bool(freeze)), train_steps=1, clip_norm=0.0, freeze=freeze, **fields
        )
        moved[freeze] = _moves(config)
    [(_, free), (patterns, rest)] = moved.items()
    for path, move in free.items():
        expected = 0.0 * move if any(p in path for p in patterns) else move
        np.testing.assert_allclose(rest[path], expected, rtol=1e-4, atol=1e-6)


def _moves(config):
    """How far one run of a tiny model moves each weight."""
    trainer = tiny_run.tiny_trainer(config)
    before = {w.path: w.numpy() for w in trainer.model.weights}
    trainer.fit()
    return {w.path: w.numpy() - before[w.path] for w in trainer.model.weights}


@pytest.mark.slow
@pytest.mark.parametrize("jit", ["auto", "false"])
def test_a_decayed_layer_moves_by_its_share_of_the_rate(tmp_path, jit):
    plain, decayed = (
        _moves(tiny_run.tiny_config(tmp_path / str(d), train_steps=1, layer_decay=d, jit=jit))
        for d in (1.0, 0.5)
    )
    for path, move in plain.items():
        scale = 0.25 if "embedding" in path else 0.5 if "block_0" in path else 1.0
        np.testing.assert_allclose(decayed[path], scale * move, rtol=2e-3, atol=2e-7)
    assert max(np.abs(move).max() for move in plain.values()) > 1e-3


@pytest.mark.parametrize(
    ("preset", "depths"),
    [
        ("gpt2_tiny", {"token_embedding": 3, "block_0/": 2, "block_1/": 1, "final_norm": 0}),
        ("bert_tiny", {"embedding_norm": 3, "block_0/": 2, "pooler": 0, "masked_word_head": 0}),
        ("albert_base", {"widening": 2, "encoder/block/": 1, "masked_word_head": 0}),
        (
            "t5_1_1_small",
            {
                "t5/token_embedding": 3,
                "position_bias": 3,
                "encoder/block_0/": 2,
                "decoder/block_1/": 1,
                "output_table": 0,
            },
        ),
    ],
)
def test_each_block_is_slower_than_the_one_above(preset, depths):
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "vocabulary_size": 9}
    model = models.from_preset(preset, **sizes)
    assert rate_scales(model, 1.0) == ()
    scales = rate_scales(model, 0.5)
    for variable, scale in zip(model.trainable_variables, scales, strict=True):
        for name, depth in depths.items():
            assert name not in variable.path or scale == 0.5**depth, variable.path


@pytest.fixture(scope="module")
def adapted(folder, gpt2):
    run(folder, folder / "adapted", f"--init_from={gpt2}", *LORA, "--ema_decay=0.5")
    return folder / "adapted"


def test_checkpoints_hold_adapters_and_heads_alone(gpt2, adapted):
    names = {name for name in saved(adapted) if name.startswith("model/")}
    assert names
    assert all("/lora_" in name or "/heads/" in name for name in names)
    sizes = [
        sum(path.stat().st_size for path in place.rglob("variables.safetensors"))
        for place in (gpt2, adapted)
    ]
    assert sizes[1] < sizes[0] / 2


def test_what_is_loaded_is_the_base_with_adapters_or_merged(gpt2, adapted):
    base, ours = zoo.load(gpt2).model, zoo.load(adapted, merged=False).model
    ours_by_path = {w.path: w.numpy() for w in ours.weights}
    for weight in base.weights:
        if "/heads/" not in weight.path:
            np.testing.assert_array_equal(ours_by_path[weight.path], weight.numpy())
    assert any(np.any(x) for path, x in ours_by_path.items() if path.endswith("lora_b"))
    merged, ids = zoo.load(adapted).model, np.arange(20)[None]
    assert merged.adapters is None
    assert [w.path for w in merged.weights] == [w.path for w in base.weights]
    np.testing.assert_allclose(merged(ids), ours(ids), rtol=1e-4, atol=1e-5)
    assert not np.allclose(merged(ids), base(ids), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_adapters_start_as_the_base_and_resume_exactly(folder, gpt2, tmp_path):
    options = (f"--init_from={gpt2}", *LORA, "--lora_dropout=0.2", "--ema_decay=0.9")
    whole = run(folder, tmp_path / "whole", *options)
    run(folder, tmp_path / "parts", *options, "--train_steps=2")
    assert run(folder, tmp_path / "parts", *options) == whole
    still = ("--dropout=0", "--head_dropout=0", "--train_steps=1")
    plain = run(folder, tmp_path / "plain", f"--init_from={gpt2}", *still)
    assert run(folder, tmp_path / "begun", f"--init_from={gpt2}", *LORA, *still) == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("--num_microbatches=2",),
        ("--remat",),
        ("--jit=auto",),
        ("--jit=auto", "--remat", "--num_microbatches=2"),
        ("--jit=true",),
    ],
    ids=" ".join,
)
def test_adapters_learn_the_same_in_every_form(folder, gpt2, tmp_path, options):
    shared = (f"--init_from={gpt2}", *LORA, "--lora_dropout=0.2")
    expected = run(folder, tmp_path / "plain", *shared)
    found = run(folder, tmp_path / "other", *shared, *options)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.slow
def test_adapters_learn_the_same_on_two_devices(folder, gpt2, tmp_path):
    shared = (f"--init_from={gpt2}", *LORA, "--lora_dropout=0.2", "--jit=auto")
    expected = run(folder, tmp_path / "one", *shared)
    given = arguments(folder, tmp_path / "two", *CLASSES, *shared, "--num_virtual_devices=2")
    subprocess.run([sys.executable, "-m", "tfzoo.train", *given], check=True, cwd=tiny_run.ROOT)
    found = [row["loss"] for row in read_rows(tmp_path / "two") if "loss" in row]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.slow
def test_adapters_learn_in_bfloat16(folder, gpt2, tmp_path):
    shared = (f"--init_from={gpt2}", *LORA)
    expected = run(folder, tmp_path / "wide", *shared)
    found = run(folder, tmp_path / "narrow", *shared, "--precision=mixed_bfloat16", "--jit=auto")
    np.testing.assert_allclose(found, expected, rtol=2e-2)


@pytest.mark.slow
def test_a_run_begins_with_what_adapters_made_of_another(folder, adapted, tmp_path):
    still = ("--learning_rate=1e-30", "--weight_decay=0", "--train_steps=1")
    run(folder, tmp_path / "x", f"--init_from={adapted}", *still)
    merged = {w.path: w.numpy() for w in zoo.load(adapted).model.weights}
    for path, array in weights(tmp_path / "x").items():
        np.testing.assert_array_equal(array, merged[path])


@pytest.mark.slow
def test_adapters_without_their_base_say_where_it_was(folder, gpt2, tmp_path, capfd):
    origin, options = tmp_path / "origin", (*LORA, "--train_steps=2")
    shutil.copytree(gpt2, origin)
    run(folder, tmp_path / "x", f"--init_from={origin}", *options, "--train_steps=1")
    run(folder, origin, *_as_begun(), "--train_steps=5")
    with pytest.raises(UsageError, match="--init_from: the weights to begin with changed"):
        zoo.load(tmp_path / "x")
    message = refused(capfd, folder, tmp_path / "x", f"--init_from={origin}", *options)
    assert "--init_from: the weights to begin with changed" in message
    shutil.rmtree(origin)
    with pytest.raises(UsageError, match=f"holds adapters.*--init_from={origin} holds no run"):
        zoo.load(tmp_path / "x")
    message = refused(capfd, folder, tmp_path / "x", f"--init_from={origin}", *options)
    assert f"--init_from={origin} holds no run" in message


def _as_begun():
    return (
        "--preset=gpt2_tiny",
        "--model_overrides=num_layers=1,num_heads=2,hidden_dim=16,intermediate_dim=32",
        "--tokenizer=bytes",
        "--sequence_length=48",
    )


@pytest.mark.slow
def test_new_tokens_are_the_mean_of_the_old(folder, gpt2, tmp_path):
    still = ("--learning_rate=1e-30", "--weight_decay=0", "--train_steps=1")
    run(folder, tmp_path / "x", f"--init_from={gpt2}", "--vocabulary_size=300", *still)
    path = "gpt2/decoder/token_embedding/embeddings"
    old, new = weights(gpt2)[path], weights(tmp_path / "x")[path]
    assert len(old) == 257 and len(new) == 300
    np.testing.assert_array_equal(new[:257], old)
    np.testing.assert_allclose(new[257:], np.tile(old.mean(0), (43, 1)), rtol=1e-5, atol=1e-7)
    texts = zoo.load(tmp_path / "x").generate(["one"] * 8, temperature=9.0, seed=list(range(8)))
    assert all(isinstance(text, str) for text in texts)
    assert run(folder, tmp_path / "x", f"--init_from={gpt2}", "--vocabulary_size=300")


@pytest.fixture(scope="module")
def words(folder):
    """Two tokenizers, of which the second has the tokens of the first and two more."""
    short = tokenizers.train("byte_pair", ["one two three four five six"] * 9, 265)
    short.save(folder / "short")
    shutil.copytree(folder / "short", folder / "long")
    vocabulary = json.loads((folder / "short" / "vocab.json").read_text())
    merges = (folder / "short" / "merges.txt").read_text()
    size = len(vocabulary)
    more = {"zq": size, "qz": size + 1}
    (folder / "long" / "vocab.json").write_text(json.dumps({**vocabulary, **more}))
    (folder / "long" / "merges.txt").write_text(merges.rstrip("\n") + "\nz q\nq z\n")
    return folder / "short", folder / "long"


@pytest.mark.slow
def test_a_tokenizer_may_have_more_tokens(folder, words, tmp_path, capfd):
    short, long = words
    shape = _as_begun()[:2] + (f"--tokenizer={short}", "--sequence_length=48")
    run(folder, tmp_path / "first", *shape, "--train_steps=1")
    more = (f"--init_from={tmp_path / 'first'}", f"--tokenizer={long}", "--train_steps=1")
    run(folder, tmp_path / "more", *more)
    trained = zoo.load(tmp_path / "more")
    assert trained.tokenizer.vocabulary_size == trained.model.config.vocabulary_size == 267
    message = refused(capfd, folder, tmp_path / "lora", *more, *LORA)
    assert "--lora_rank trains no embeddings" in message
    less = (f"--init_from={tmp_path / 'more'}", f"--tokenizer={short}")
    assert "and does not begin with its tokens" in refused(capfd, folder, tmp_path / "y", *less)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vocabulary_size=256"], "--vocabulary_size=256 is less than the 257"),
        (["--freeze=blok_0"], "no weight has a path in which 'blok_0' is found"),
        (["--freeze=("], "--freeze: '(' is no regular expression"),
        (["--freeze=."], "leaves nothing to train"),
        (["--layer_decay=1.5"], "--layer_decay must be in (0, 1]"),
        (["--lora_rank=-1"], "--lora_rank must not be negative"),
        (["--lora_rank=2", "--lora_targets=q_proj"], "--lora_targets: no product of the model"),
        (["--lora_rank=2", "--lora_alpha=0"], "--lora_alpha must be positive"),
        (["--lora_rank=2", "--lora_dropout=1"], "--lora_dropout must be in [0, 1)"),
        (["--lora_targets=output"], "--lora_targets means nothing without --lora_rank"),
        (["--lora_rank=2", "--init_from="], "--lora_rank needs --init_from"),
    ],
)
def test_what_cannot_be_fine_tuned_is_named_before_anything_is_made(
    folder,
    gpt2,
    tmp_path,
    capfd,
    options,
    message,
):
    given = (f"--init_from={gpt2}", *options)
    assert message in refused(capfd, folder, tmp_path / "x", *given, "--dry_run")
    assert not (tmp_path / "x").exists()


def test_a_dry_run_counts_what_is_trained(folder, gpt2, tmp_path, capsys):
    given = arguments(folder, tmp_path / "x", *CLASSES, f"--init_from={gpt2}", *LORA, "--dry_run")
    assert train.main(given) == 0
    pairs = 2 * ((16 + 48) + (16 + 16) + (32 + 16))
    assert f"{pairs:,} of them trained" in capsys.readouterr().out


def test_flags_that_make_the_run_what_it_is_stay():
    config = TrainConfig(model_dir="x", freeze=("a",), lora_rank=2)
    changed = dataclasses.replace(config, layer_decay=0.5)
    run = ModelDir("/nowhere")
    run.begun_flags = lambda: {"freeze": [], "lora_rank": 2}
    assert [problem.split()[0] for problem in run.problems(changed)] == ["--freeze"]


def test_the_model_of_checks_is_not_allocated():
    config = TrainConfig(model_dir="x", preset="gpt2_xl", dataset="sotu", freeze=("embedding",))
    assert checks.problems(config) == []
