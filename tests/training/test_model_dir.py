"""The folder of a run: it keeps what the run is, and nothing of a finished run is touched."""

import dataclasses
import json
import os

import pytest

from tests.programs import Program
from tfzoo import kernels
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig
from tfzoo.training.model_dir import ModelDir, resolved

CONFIG = TrainConfig(model_dir="run", dataset="sotu")
CHANGED = {
    "preset": "gpt2_tiny",
    "model_overrides": ("num_layers=1",),
    "dropout": 0.5,
    "sequence_length": 8,
    "task": "another",
    "dataset": "tfds:lm1b",
    "text_files": ("a.txt",),
    "text_field": "body",
    "validation_files": ("b.txt",),
    "validation_fraction": 0.2,
    "tokenizer": "bytes",
    "vocabulary_size": 512,
    "global_batch_size": 16,
    "label_smoothing": 0.1,
    "ema_decay": 0.9,
    "seed": 1,
    "precision": "mixed_bfloat16",
}


KILLED = """
import os, sys
from tfzoo.training.config import TrainConfig
from tfzoo.training.model_dir import ModelDir
ModelDir(sys.argv[1]).open(TrainConfig(model_dir="run", dataset="sotu"))
os.kill(os.getpid(), 9)
"""


def begun(path, config=CONFIG) -> ModelDir:
    run = ModelDir(path)
    run.open(config)
    return run


def snapshot(folder):
    paths = [folder, *sorted(folder.rglob("*"))]
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}


def test_a_run_begins_in_a_new_folder_and_goes_on(tmp_path):
    begun(tmp_path / "deep" / "run").close()
    begun(tmp_path / "deep" / "run").close()


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_flag_is_named_with_both_values(tmp_path, name):
    run = begun(tmp_path)
    (problem,) = run.problems(dataclasses.replace(CONFIG, **{name: CHANGED[name]}))
    assert problem.startswith(f"--{name} was ")
    shown = CHANGED[name][0] if isinstance(CHANGED[name], tuple) else CHANGED[name]
    assert f"and is {shown} now" in problem


def test_flags_of_length_rate_machine_and_records_may_change(tmp_path):
    run = begun(tmp_path)
    changes = {
        "train_steps": 5,
        "learning_rate": 1.0,
        "schedule": "linear",
        "adam_beta2": 0.99,
        "multiply_by_parameter_scale": True,
        "strategy": "none",
        "num_microbatches": 2,
        "jit": "false",
        "remat": True,
        "log_every_steps": 1,
        "keep_checkpoints": 9,
        "export_dir": "",
    }
    assert run.problems(dataclasses.replace(CONFIG, **changes)) == []


def test_a_changed_flag_does_not_open(tmp_path):
    begun(tmp_path).close()
    with pytest.raises(UsageError, match="--seed was 0 .* and is 3 now"):
        begun(tmp_path, dataclasses.replace(CONFIG, seed=3))


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="has files in it, but no run"):
        begun(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_what_a_killed_beginning_left_is_no_hindrance(tmp_path):
    for leftover in (".run.json", ".train.flags"):
        (tmp_path / leftover).write_text('{"fla')
    begun(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == ["run.json"]


def test_only_leftovers_of_ours_are_cleaned(tmp_path):
    begun(tmp_path).close()
    (tmp_path / ".tokenizer.7.partial").mkdir()
    (tmp_path / "model.json.7.tmp").write_text("")
    (tmp_path / ".notes").write_text("mine")
    begun(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == [".notes", "run.json"]


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    run = begun(tmp_path)
    with pytest.raises(UsageError, match="Another process is training in --model_dir"):
        begun(tmp_path)
    run.close()
    begun(tmp_path).close()


@pytest.mark.slow
def test_a_killed_process_lets_go_of_its_folder(tmp_path):
    assert Program(KILLED, [tmp_path]).wait() == -9
    begun(tmp_path).close()


def test_a_fact_that_changed_is_named_by_its_flag(tmp_path):
    run = begun(tmp_path)
    run.fix("text", "abc", "--text_files")
    run.fix("text", "abc", "--text_files")
    with pytest.raises(UsageError, match="--text_files: the text changed since"):
        run.fix("text", "abd", "--text_files")
    assert ModelDir(tmp_path).facts() == {"text": "abc"}


def test_finished_is_finished_up_to_the_step_that_was_asked_for(tmp_path):
    run = begun(tmp_path)
    assert run.finished(10) is None
    run.finish(10, perplexity=2.0)
    assert run.finished(10) == {"step": 10, "perplexity": 2.0}
    assert run.finished(5) is not None
    assert run.finished(11) is None


def test_going_on_unchanged_writes_nothing(tmp_path):
    run = begun(tmp_path)
    run.fix("text", "abc", "--text_files")
    run.close()
    before = snapshot(tmp_path)
    run = begun(tmp_path)
    run.fix("text", "abc", "--text_files")
    run.close()
    assert snapshot(tmp_path) == before


def test_a_broken_identity_is_told(tmp_path):
    begun(tmp_path).close()
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UsageError, match="run.json cannot be read"):
        begun(tmp_path)


def test_resolved_paths_mean_the_same_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = resolved(
        TrainConfig(
            model_dir="runs/a",
            text_files=("my/*.txt", "~/b.txt"),
            validation_files=("c",),
            tokenizer="tok",
        )
    )
    assert config.model_dir == f"{tmp_path}/runs/a"
    assert config.export_dir == f"{tmp_path}/saved_models/a"
    assert config.text_files == (f"{tmp_path}/my/*.txt", os.path.expanduser("~/b.txt"))
    assert config.validation_files == (f"{tmp_path}/c",)
    assert config.tokenizer == f"{tmp_path}/tok"
    monkeypatch.chdir("/")
    assert resolved(config) == config


def test_auto_is_the_precision_that_the_run_began_with_or_the_fastest_here(tmp_path, monkeypatch):
    def named():
        return resolved(TrainConfig(model_dir=str(tmp_path), precision="auto")).precision

    monkeypatch.setattr(kernels, "multiplies_bfloat16", lambda: True)
    assert named() == "mixed_bfloat16"
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    two = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    with monkeypatch.context() as patch:  # Workers may be different machines.
        patch.setitem(os.environ, "TF_CONFIG", json.dumps(two))
        assert named() == "float32"
    begun(tmp_path, TrainConfig(model_dir=str(tmp_path), precision="float32")).close()
    assert named() == "float32"


def test_an_empty_export_dir_and_a_kind_of_tokenizer_stay():
    config = resolved(TrainConfig(model_dir="a", export_dir="", tokenizer="bytes"), ("bytes",))
    assert (config.export_dir, config.tokenizer) == ("", "bytes")
