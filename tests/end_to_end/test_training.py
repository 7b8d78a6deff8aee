"""Training as a user meets it: however it was stopped and damaged, it ends with the same losses."""

import json
import os
import random
import shutil
import signal
import time

import pytest

from tfzoo import tokenizers
from tfzoo.training.checkpoints import Checkpoints


def snapshot(folder):
    paths = [folder, *sorted(folder.rglob("*"))]
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}


def test_a_run_leaves_what_it_should(workshop, calm):
    expected = {"train.flags", "model.json", "tokenizer", "checkpoints", "metrics.jsonl"}
    assert expected | {"tensorboard", "run.json"} == set(os.listdir(calm))
    assert Checkpoints(calm / "checkpoints").restore().step == 300
    assert tokenizers.load(calm / "tokenizer").vocabulary_size == 257
    rows = workshop.rows("calm")
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 301))
    assert [row["step"] for row in rows if "validation_loss" in row] == [100, 200, 300]
    assert rows[-2]["loss"] < rows[0]["loss"] - 1.0


def test_killed_and_damaged_a_run_gives_the_losses_of_the_calm_one(workshop, calm, tmp_path):
    """SIGKILL, a damaged newest checkpoint, another working directory."""
    process = workshop.start(workshop.flags("stormy"))
    workshop.wait_for_rows("stormy", 130 + random.randrange(100), process)
    process.kill()
    process.wait()
    newest = Checkpoints(workshop.path("stormy", "checkpoints")).steps()[-1]
    damaged = workshop.path("stormy", "checkpoints", f"step_{newest:08d}", "variables.safetensors")
    os.truncate(damaged, 1000)

    flagfile = workshop.path("stormy", "train.flags")
    errors = workshop.train([f"--flagfile={flagfile}"], folder=tmp_path)
    assert "Skipping the checkpoint of step" in errors
    assert workshop.rows("stormy") == workshop.rows("calm")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_told_to_stop_a_run_saves_its_step_and_goes_on_from_there(workshop, calm):
    flags = workshop.flags("stopped")
    process = workshop.start(flags)
    workshop.wait_for_rows("stopped", 50, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    (saved,) = Checkpoints(workshop.path("stopped", "checkpoints")).steps()[-1:]
    assert saved == workshop.rows("stopped")[-1]["step"] < 300
    assert f"from step {saved} on" in workshop.train(flags)
    assert workshop.rows("stopped") == workshop.rows("calm")


def test_a_finished_run_started_again_changes_nothing(workshop, calm):
    before = snapshot(calm)
    assert "finished" in workshop.train(workshop.flags("calm", log_every_steps=7))
    assert snapshot(calm) == before


def test_changed_flags_exit_with_2_and_are_named(workshop, calm):
    changed = workshop.flags("calm", sequence_length=16, tokenizer="characters", dropout=0.2)
    errors = workshop.train(changed, code=2)
    assert "--sequence_length was 32" in errors and "--tokenizer was bytes" in errors
    assert "--dropout was 0.1" in errors and "Traceback" not in errors


def test_a_changed_text_exits_with_2_and_is_named(workshop, calm, tmp_path):
    copy = shutil.copytree(calm, tmp_path / "copy")
    text = workshop.path("text.jsonl").read_text()
    try:
        workshop.path("text.jsonl").write_text(text.replace("Ishmael", "Ismael"))
        errors = workshop.train(workshop.flags(copy, train_steps=310), code=2)
    finally:
        workshop.path("text.jsonl").write_text(text)
    assert "--text_files: the text changed" in errors and "Traceback" not in errors


def test_a_dry_run_tells_all_problems_and_writes_nothing(workshop):
    before = sorted(os.listdir(workshop.folder))
    bad = workshop.flags("dry", preset="gpt3", schedule="cosine", learning_rate=-1, dataset="sotu")
    errors = workshop.train([*bad, "--dry_run"], code=2)
    for flag in ("--preset=gpt3", "--learning_rate must", "--dataset"):
        assert flag in errors
    assert sorted(os.listdir(workshop.folder)) == before


@pytest.mark.slow
def test_more_steps_go_on_from_the_last(workshop, calm, tmp_path):
    copy = shutil.copytree(calm, tmp_path / "longer")
    before = workshop.path("calm", "metrics.jsonl").read_text()
    output = workshop.train(workshop.flags(copy, train_steps=310))
    assert "--train_steps is 310 from now on, was 300" in output and "from step 300 on" in output
    assert (copy / "metrics.jsonl").read_text().startswith(before)
    assert json.loads((copy / "run.json").read_text())["finished"]["step"] == 310


@pytest.mark.slow
def test_killed_five_times_at_any_moment_it_gives_the_same_losses(workshop, calm):
    random_moments = random.Random(time.time_ns())
    start = time.monotonic()
    workshop.train(workshop.flags("timed"))
    seconds = time.monotonic() - start
    flags = workshop.flags("killed")
    codes = []
    for _ in range(5):
        process = workshop.start(flags)
        time.sleep(random_moments.uniform(0.1, 0.9) * seconds)
        process.kill()
        codes.append(process.wait())
    assert -signal.SIGKILL in codes  # The others may have come to the end before.
    workshop.train(flags)
    assert workshop.rows("killed") == workshop.rows("calm")
