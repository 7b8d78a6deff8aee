"""Checkpoints: what has its name is whole, and nothing old goes before the new is there."""

import json
import logging
import os
import resource
import time

import numpy as np
import pytest

from tests.programs import Program
from tfzoo.errors import UsageError
from tfzoo.training.checkpoints import Checkpoints

ARRAYS = {
    "model/gpt2/kernel": np.random.default_rng(0).normal(size=(64, 64)).astype("float32"),
    "optimizer/first_moment/gpt2/kernel": np.ones((3, 2), "float32").T,  # not contiguous
    "optimizer/loss_scale": np.float32(32768.0),
    "seeds": np.array([1, 2**31 - 1], "int32"),
}


def save(checkpoints, *steps, **metrics):
    for step in steps:
        checkpoints.save(step, ARRAYS, {"step": step}, metrics.get(f"at_{step}"))


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def alter(path):
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


def test_restore_gives_what_was_saved(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(7, ARRAYS, {"rng": [1, 2], "rate": 0.1}, metric=1 / 3)
    restored = Checkpoints(tmp_path / "checkpoints").restore()
    assert (restored.step, restored.state) == (7, {"rng": [1, 2], "rate": 0.1})
    assert restored.metric == 1 / 3
    assert restored.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert restored.arrays[name].dtype == array.dtype
        assert restored.arrays[name].shape == array.shape
        np.testing.assert_array_equal(restored.arrays[name], array)


def test_nothing_saved_restores_none(tmp_path):
    assert Checkpoints(tmp_path / "checkpoints").restore() is None
    assert not (tmp_path / "checkpoints").exists()


def test_the_newest_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    save(checkpoints, 1, 2, 3, 4, 5, at_2=0.5, at_3=0.7, at_5=0.9)
    assert checkpoints.steps() == [2, 4, 5]
    assert checkpoints.restore().step == 5
    assert checkpoints.restore_weights(best=True).step == 2


def test_without_metrics_the_best_is_the_newest(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2)
    assert checkpoints.restore_weights(best=True).step == 2


@pytest.mark.parametrize("file", ["variables.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("damage", [cut, alter, os.remove], ids=["cut", "altered", "removed"])
def test_a_bad_newest_falls_back_with_a_warning(tmp_path, caplog, damage, file):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2, at_1=0.5, at_2=0.4)
    damage(tmp_path / "step_00000002" / file)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.restore().step == 1
        assert checkpoints.restore_weights(best=True).step == 1
    assert "step 2" in caplog.text


def test_an_altered_state_is_noticed(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2)
    path = tmp_path / "step_00000002" / "checkpoint.json"
    record = json.loads(path.read_text())
    record["state"]["step"] = 3
    path.write_text(json.dumps(record))
    assert checkpoints.restore().step == 1


def test_a_step_is_saved_anew_over_its_corrupted_self(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    save(checkpoints, 1)
    cut(tmp_path / "step_00000001" / "variables.safetensors")
    save(checkpoints, 1)
    assert checkpoints.restore().step == 1
    assert os.listdir(tmp_path) == ["step_00000001"]


def test_a_corrupted_later_step_never_crowds_out_the_good(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    save(checkpoints, 10, 40, at_10=0.5, at_40=0.1)
    cut(tmp_path / "step_00000040" / "variables.safetensors")
    assert checkpoints.restore().step == 10
    save(checkpoints, 20, 30, at_20=0.7, at_30=0.6)
    assert checkpoints.steps() == [10, 20, 30]  # the best, and the newest two


def test_a_full_disk_leaves_the_old_and_says_so(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    save(checkpoints, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))  # larger writes fail, as on a full disk
    try:
        with pytest.raises(UsageError, match="No space left to save step 2 .*--model_dir"):
            save(checkpoints, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["step_00000001"]
    assert checkpoints.restore().step == 1


def test_leftovers_are_cleaned_and_never_read(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    os.rename(tmp_path / "step_00000001", tmp_path / ".writing_step_00000002")
    assert checkpoints.restore() is None
    checkpoints.clean()
    assert os.listdir(tmp_path) == []


def test_keep_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="Received: keep=0"):
        Checkpoints(tmp_path, keep=0)


WRITER = """
import sys, numpy as np
from tfzoo.training.checkpoints import Checkpoints
checkpoints = Checkpoints(sys.argv[1], keep=1)
step = checkpoints.steps()[-1] if checkpoints.steps() else 0
while True:
    step += 1
    checkpoints.save(step, {"x": np.full([300_000], step, "float32")}, {}, metric=1 / step)
    print(step, flush=True)
"""


def test_killed_while_saving_there_is_always_a_whole_checkpoint(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(5):
        writer = Program(WRITER, [tmp_path])
        while not writer.written()[0].endswith("\n"):
            assert writer.poll() is None, writer.written()[1]
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        writer.kill()
        finished = int(writer.communicate()[0].split()[-1])
        checkpoint = Checkpoints(tmp_path).restore()
        assert checkpoint.step >= finished
        assert (checkpoint.arrays["x"] == checkpoint.step).all()
