"""`--init_from`: a run begins where another one ended, and is then like any other."""

import json
import shutil

import numpy as np
import pytest
from small_runs import SMALL, arguments, first_run, run, weights

from tfzoo import models, train, zoo
from tfzoo.errors import UsageError
from tfzoo.training.fitting import fitting_weights
from tfzoo.training.model_dir import ModelDir


@pytest.fixture(scope="module")
def bert(folder):
    return first_run(folder, "bert", "bert_tiny", "bert", "--ema_decay=0.5")


@pytest.fixture(scope="module")
def gpt2(folder):
    return first_run(folder, "gpt2", "gpt2_tiny", "classification")


@pytest.fixture(scope="module")
def llama(folder):
    return first_run(folder, "llama", "llama_tiny", "classification")


STILL = ("--learning_rate=1e-30", "--weight_decay=0", "--train_steps=1")


@pytest.mark.slow
def test_it_begins_with_the_averaged_weights_and_heads_of_its_own(folder, bert, tmp_path):
    begun = tmp_path / "begun"
    run(folder, begun, "classification", "two.csv", f"--init_from={bert}", *STILL, "--dropout=0")
    theirs = {v.path: v.numpy() for v in zoo.load(bert).model.trainable_variables}
    ours = weights(begun)
    kept = [path for path in theirs if "/heads/" not in path]
    assert len(kept) > 20
    for path in kept:
        np.testing.assert_array_equal(ours[path], theirs[path])
    assert {path.split("/")[2] for path in ours if "/heads/" in path} == {"classification"}
    raw = ModelDir(bert).checkpoints.restore().arrays
    assert not np.array_equal(
        raw["model/bert/pooler/dense/kernel"], ours["bert/pooler/dense/kernel"]
    )


@pytest.mark.slow
def test_what_it_begins_with_is_the_first_average(folder, gpt2, tmp_path):
    begun = tmp_path / "begun"
    run(
        folder, begun, "classification", "two.csv", f"--init_from={gpt2}", *STILL, "--ema_decay=0.9"
    )
    arrays = ModelDir(begun).checkpoints.restore().arrays
    for path, array in weights(gpt2).items():
        np.testing.assert_allclose(arrays[f"ema/{path}"], array, rtol=1e-6)


@pytest.mark.slow
def test_an_equal_head_goes_on_and_another_is_new(folder, bert, tmp_path):
    taught = tmp_path / "taught"
    run(folder, taught, "classification", "two.csv", f"--init_from={bert}")
    for data, same in (("two.csv", True), ("three.csv", False)):
        begun = tmp_path / data
        run(folder, begun, "classification", data, f"--init_from={taught}", *STILL)
        path = "bert/heads/classification/labels/kernel"
        assert np.array_equal(weights(begun)[path], weights(taught)[path]) == same


@pytest.mark.slow
def test_fewer_positions_are_the_first_ones(folder, gpt2, tmp_path):
    begun = tmp_path / "begun"
    run(
        folder,
        begun,
        "classification",
        "two.csv",
        f"--init_from={gpt2}",
        "--sequence_length=20",
        *STILL,
    )
    path = "gpt2/decoder/position_embedding/embeddings"
    assert weights(begun)[path].shape == (20, 16)
    np.testing.assert_array_equal(weights(begun)[path], weights(gpt2)[path][:20])


@pytest.mark.slow
def test_positions_that_are_not_learned_may_be_more(folder, llama, tmp_path):
    options = (f"--init_from={llama}", "--sequence_length=64", "--train_steps=1")
    run(folder, tmp_path / "begun", "classification", "two.csv", *options)
    assert models.load_config(tmp_path / "begun" / "model.json").config.max_sequence_length == 64


@pytest.mark.slow
def test_stopped_and_resumed_is_never_stopped_though_its_origin_is_gone(folder, bert, tmp_path):
    origin = tmp_path / "origin"
    shutil.copytree(bert, origin)
    options = ("classification", "two.csv", f"--init_from={origin}", "--ema_decay=0.9")
    whole = run(folder, tmp_path / "whole", *options)
    run(folder, tmp_path / "parts", *options, "--train_steps=2")
    shutil.rmtree(origin)
    assert run(folder, tmp_path / "parts", *options) == whole
    assert len(set(whole)) == 4
    scratch = run(folder, tmp_path / "scratch", *options[:2], *_like_bert(), "--ema_decay=0.9")
    assert scratch[0] != whole[0]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "whole").rglob("*")}
    run(folder, tmp_path / "whole", *options)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "whole").rglob("*")} == before


def _like_bert():
    return ("--preset=bert_tiny", f"--model_overrides={SMALL}", "--tokenizer=bytes",
            "--sequence_length=48")  # fmt: skip


@pytest.mark.slow
def test_the_flags_of_its_origin_may_be_repeated(folder, bert, tmp_path):
    options = (f"--init_from={bert}", f"--tokenizer={bert / 'tokenizer'}", *_like_bert()[:2])
    run(folder, tmp_path / "begun", "classification", "two.csv", *options, "--train_steps=1")


@pytest.mark.slow
def test_the_run_says_what_it_came_from_and_holds_to_it(folder, bert, gpt2, tmp_path, capfd):
    begun, options = tmp_path / "begun", (f"--init_from={bert}", "--train_steps=1")
    run(folder, begun, "classification", "two.csv", *options)
    record = json.loads((begun / "run.json").read_text())
    assert record["flags"]["init_from"] == str(bert)
    assert record["facts"]["weights to begin with"] == {
        "step": 4,
        "sha256": ModelDir(bert).checkpoints.restore().sha256,
    }
    more = ("--init_from=" + str(gpt2), "--train_steps=3")
    assert train.main(arguments(folder, begun, "classification", "two.csv", *more)) == 2
    assert f"--init_from was {bert} when" in capfd.readouterr().err
    shutil.rmtree(begun / "checkpoints")
    record["facts"]["weights to begin with"]["step"] = 3
    (begun / "run.json").write_text(json.dumps(record))
    more = (f"--init_from={bert}", "--train_steps=3")
    assert train.main(arguments(folder, begun, "classification", "two.csv", *more)) == 2
    assert "--init_from: the weights to begin with changed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset=gpt2_tiny"], "--preset and --model_overrides tell of another"),
        (["--preset=bert_tiny"], "tell of another hidden_dim than --init_from"),
        (["--model_overrides=num_layers=2"], "tell of another num_layers than --init_from"),
        (
            ["--model_overrides=num_layers=0"],
            "with --model_overrides: `num_layers` must be at least",
        ),
        (["--sequence_length=49"], "--sequence_length=49 is more than the 48 positions"),
        (["--tokenizer=byte_pair"], "--tokenizer=byte_pair is another than that of --init_from"),
        (["--task=dialogue", "--text_files="], "--task=dialogue cannot teach --init_from="),
        (["--init_from=nowhere"], "holds no run of tfzoo"),
    ],
)
def test_what_does_not_go_together_is_named_before_anything_is_made(
    folder, bert, tmp_path, capfd, options, message
):
    begun = tmp_path / "begun"
    given = arguments(folder, begun, "classification", "two.csv", f"--init_from={bert}", *options)
    assert train.main(given) == 2
    assert message in capfd.readouterr().err
    assert not begun.exists()


def test_a_run_without_a_checkpoint_is_no_origin(folder, bert, tmp_path, capfd):
    shutil.copytree(bert, tmp_path / "origin", ignore=shutil.ignore_patterns("step_*"))
    more = (f"--init_from={tmp_path / 'origin'}",)
    assert train.main(arguments(folder, tmp_path / "x", "classification", "two.csv", *more)) == 2
    assert "has no checkpoint yet" in capfd.readouterr().err


def test_a_run_with_damaged_checkpoints_only_is_no_origin(folder, bert, tmp_path, capfd):
    shutil.copytree(bert, tmp_path / "origin")
    for path in (tmp_path / "origin").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9])
    more = (f"--init_from={tmp_path / 'origin'}",)
    assert train.main(arguments(folder, tmp_path / "x", "classification", "two.csv", *more)) == 2
    told = capfd.readouterr().err
    assert f"--init_from={tmp_path / 'origin'} has no whole checkpoint: those in" in told
    assert "are damaged, of step 4. Copy them" in told


@pytest.mark.parametrize("change", ["missing", "shape", "more"])
def test_the_first_weight_that_does_not_fit_is_named(bert, change):
    model, given = models.load_config(bert / "model.json"), weights(bert)
    path = "bert/encoder/block_0/attention/output/kernel"
    if change == "missing":
        del given[path]
    elif change == "shape":
        given[path] = given[path][:, :3]
    else:
        path = "bert/encoder/block_0/attention/other/kernel"
        given[path] = np.zeros((2, 2), np.float32)
    with pytest.raises(UsageError, match=f"{path} has shape"):
        fitting_weights(model, given, bert)


def test_a_dry_run_reckons_with_the_origin(folder, bert, tmp_path, capsys):
    more = (f"--init_from={bert}", "--dry_run")
    assert train.main(arguments(folder, tmp_path / "x", "classification", "two.csv", *more)) == 0
    assert f"{zoo.load(bert).tokenizer.vocabulary_size:,} tokens" in capsys.readouterr().out
    assert not (tmp_path / "x").exists()
