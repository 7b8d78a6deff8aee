"""The loop: resumption, signals, numbers that are not finite, and what is written when."""

import math
import os
import signal

import numpy as np
import pytest
import tiny_run

from tfzoo.errors import UsageError
from tfzoo.training import loop
from tfzoo.training.loop import TrainingFailed
from tfzoo.training.optimizer import LossScale
from tfzoo.training.pace import Stopped
from tfzoo.training.state import read_arrays

LIVELY = {
    "train_steps": 12,
    "eval_every_steps": 3,
    "checkpoint_every_steps": 4,
    "schedule": "cosine",
    "dropout": 0.2,
    "ema_decay": 0.9,
    "num_microbatches": 2,
}


def arrays_of(trainer):
    return read_arrays(trainer.distribution, trainer._variables())


def terminate_at(step):
    """A callback that sends SIGTERM to this process after the evaluation of `step`."""

    def on_evaluation(evaluated):
        if evaluated == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return on_evaluation


def run_stopped_at(step, config):
    """Runs until the signal that comes right after the evaluation of `step` is seen."""
    with pytest.raises(Stopped) as stopped:
        tiny_run.run(config, terminate_at(step))
    return stopped.value


@pytest.mark.slow  # By killed processes, test_training does it among the quick ones.
@pytest.mark.parametrize("jit", ["auto", "false"])
def test_resumed_is_uninterrupted_bit_for_bit(tmp_path, jit):
    """One run crashes after step 6, two beyond its checkpoint, then is terminated, then ends."""
    whole = tiny_run.run(tiny_run.tiny_config(tmp_path / "whole", jit=jit, **LIVELY))
    config = tiny_run.tiny_config(tmp_path / "parts", jit=jit, **LIVELY)
    with pytest.raises(ZeroDivisionError):
        tiny_run.run(config, lambda step: 1 / (step - 6))
    assert tiny_run.tiny_trainer(config).restore() == 4
    run_stopped_at(6, config)
    assert 6 < tiny_run.tiny_trainer(config).restore() < 12
    resumed = tiny_run.run(config)

    assert len(set(tiny_run.losses(tmp_path / "whole"))) == 12
    assert tiny_run.losses(tmp_path / "parts") == tiny_run.losses(tmp_path / "whole")
    assert tiny_run.rows(tmp_path / "parts")[1] == tiny_run.rows(tmp_path / "whole")[1]
    expected, found = arrays_of(whole), arrays_of(resumed)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_sigterm_saves_at_the_next_look_and_exits_with_143(tmp_path):
    config = tiny_run.tiny_config(tmp_path, train_steps=1000, eval_every_steps=5)
    handler = signal.getsignal(signal.SIGTERM)
    stopped = run_stopped_at(5, config)
    assert stopped.code == 143
    assert tiny_run.tiny_trainer(config).restore() == tiny_run.rows(tmp_path)[0][-1]["step"] <= 10
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.slow
def test_an_interrupted_evaluation_is_made_up_for(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "TOKENS_A_BATCH", 1)  # So that there are several batches.
    config = tiny_run.tiny_config(tmp_path / "parts", train_steps=4, eval_every_steps=2)
    trainer = tiny_run.tiny_trainer(config)
    trainer._validation = interrupted(trainer._validation)
    with pytest.raises(Stopped):
        trainer.fit()
    tiny_run.run(config)
    tiny_run.run(tiny_run.tiny_config(tmp_path / "whole", train_steps=4, eval_every_steps=2))
    assert tiny_run.rows(tmp_path / "parts")[1] == tiny_run.rows(tmp_path / "whole")[1]


def test_a_score_does_not_depend_on_the_rows_evaluated_at_a_time(tmp_path, monkeypatch):
    trainer = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path))
    together = trainer.evaluate()
    monkeypatch.setattr(loop, "TOKENS_A_BATCH", 1)
    apart = trainer.evaluate()
    assert together.num_targets == apart.num_targets
    np.testing.assert_allclose(together.loss, apart.loss, rtol=1e-6)


def interrupted(validation):
    """The same validation, in a process that gets SIGTERM when it begins."""

    def call(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return validation(*arguments)

    return call


def test_a_finished_run_changes_nothing(tmp_path):
    config = tiny_run.tiny_config(tmp_path, train_steps=3)
    tiny_run.run(config)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "checkpoints").rglob("*")}
    rows = (tmp_path / "metrics.jsonl").read_bytes()
    assert tiny_run.run(config).step == 3
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert (tmp_path / "metrics.jsonl").read_bytes() == rows


def test_rows_and_checkpoints_come_when_they_are_due(tmp_path):
    config = tiny_run.tiny_config(
        tmp_path,
        train_steps=10,
        log_every_steps=4,
        eval_every_steps=3,
        checkpoint_every_steps=5,
    )
    trainer = tiny_run.run(config)
    steps, evaluations = tiny_run.rows(tmp_path)
    assert [row["step"] for row in steps] == [4, 8, 10]
    assert [row["step"] for row in evaluations] == [3, 6, 9, 10]
    assert trainer.checkpoints.steps() == [5, 10]
    assert steps[0].keys() == {
        "step",
        "loss",
        "learning_rate",
        "gradient_norm",
        "tokens_per_second",
    }
    assert evaluations[0].keys() == {"step", "validation_loss", "perplexity", "bits_per_byte"}


@pytest.mark.parametrize("jit", ["false", pytest.param("auto", marks=pytest.mark.slow)])
def test_a_step_that_is_not_finite_changes_nothing(tmp_path, jit):
    """A huge learning rate; a run that ends just before the failing step has the same weights."""
    huge = {"learning_rate": 1e25, "train_steps": 50, "clip_norm": 0.0, "jit": jit}
    failing = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path / "failing", **huge))
    with pytest.raises(TrainingFailed, match="--learning_rate") as failure:
        failing.fit()
    assert f"Step {failing.step + 1} gave" in str(failure.value)
    assert 0 < failing.step < 49
    config = tiny_run.tiny_config(tmp_path / "good", **{**huge, "train_steps": failing.step})
    good = tiny_run.run(config)
    assert len(tiny_run.losses(tmp_path / "good")) == failing.step
    expected, found = arrays_of(good), arrays_of(failing)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.mark.slow
def test_float16_halves_the_scale_and_skips(tmp_path, monkeypatch):
    monkeypatch.setattr(LossScale, "first", 2.0**40)
    fields = {"precision": "mixed_float16", "ema_decay": 0.9}
    new = arrays_of(tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path / "new", **fields)))
    skipping = arrays_of(tiny_run.run(tiny_run.tiny_config(tmp_path, train_steps=3, **fields)))
    assert skipping.pop("optimizer/loss_scale") == new.pop("optimizer/loss_scale") / 8
    for name in new:
        np.testing.assert_array_equal(skipping[name], new[name], err_msg=name)

    trainer = tiny_run.run(tiny_run.tiny_config(tmp_path, train_steps=60, **fields))
    steps, _ = tiny_run.rows(tmp_path)
    skipped = [row for row in steps if row["gradient_norm"] is None]
    assert trainer.optimizer.num_updates.numpy() == 60 - len(skipped) > 20
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.2


@pytest.mark.slow
def test_float16_and_bfloat16_have_the_numbers_of_float32(tmp_path):
    def first_rows(precision):
        folder = tmp_path / precision
        tiny_run.run(tiny_run.tiny_config(folder, train_steps=3, precision=precision))
        return [[row["loss"], row["gradient_norm"]] for row in tiny_run.rows(folder)[0]]

    expected = first_rows("float32")
    np.testing.assert_allclose(first_rows("mixed_float16"), expected, rtol=1e-2)
    np.testing.assert_allclose(first_rows("mixed_bfloat16"), expected, rtol=3e-2)


def test_float16_gives_up_when_the_scale_falls_below_one(tmp_path):
    fields = {"precision": "mixed_float16", "learning_rate": 1e25, "train_steps": 60}
    trainer = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path, **fields))
    with pytest.raises(TrainingFailed, match="--learning_rate"):
        trainer.fit()
    assert trainer.loss_scale.value.numpy() == 0.5
    assert all(np.isfinite(w.numpy()).all() for w in trainer.optimizer.weights)


def test_checkpoint_of_another_model_is_refused_by_name(tmp_path):
    tiny_run.run(tiny_run.tiny_config(tmp_path, train_steps=1))
    other = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path, train_steps=1, ema_decay=0.5))
    with pytest.raises(UsageError, match="ema/gpt2/decoder.* --ema_decay"):
        other.restore()


def test_evaluation_uses_the_average_and_gives_the_weights_back(tmp_path):
    config = tiny_run.tiny_config(tmp_path, train_steps=5, ema_decay=0.9)
    trainer = tiny_run.run(config)
    raw = trainer.evaluate()
    with trainer.optimizer.averaged():
        averaged = trainer.evaluate()
    assert trainer.evaluate() == raw
    _, [row] = tiny_run.rows(tmp_path)
    assert row["validation_loss"] == averaged.loss != raw.loss
    assert math.isclose(row["perplexity"], math.exp(averaged.loss))


@pytest.mark.slow
def test_adam_beta2_is_the_decay_of_the_squared_gradients(tmp_path):
    """After one step, from the same weights and rows, their average is 1 - beta2 of a square."""

    def first_squares(beta2):
        fields = {"train_steps": 1, "adam_beta2": beta2}
        trainer = tiny_run.run(tiny_run.tiny_config(tmp_path / str(beta2), **fields))
        return [v.numpy() for v in trainer.optimizer.second_moments]

    for slow, quick in zip(first_squares(0.99), first_squares(0.5), strict=True):
        np.testing.assert_allclose(slow / 0.01, quick / 0.5, rtol=1e-4)
