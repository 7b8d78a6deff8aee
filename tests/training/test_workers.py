"""Several worker processes: they stop together, and a dead one ends them all."""

import signal
import time

import numpy as np
import pytest
import tiny_run

LONG = {"train_steps": 100_000, "checkpoint_every_steps": 20, "dropout": 0.2}


def wait_for_rows(folder, processes, count):
    deadline = time.monotonic() + 120
    while not (folder / "metrics.jsonl").exists() or len(tiny_run.losses(folder)) < count:
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in processes)
        time.sleep(0.2)


def last_step(folder):
    return tiny_run.tiny_trainer(tiny_run.tiny_config(folder)).checkpoints.steps()[-1]


@pytest.mark.slow
def test_a_dead_worker_ends_all_and_starting_again_resumes(tmp_path):
    chief, worker = tiny_run.start_workers(tmp_path, LONG)
    wait_for_rows(tmp_path, (chief, worker), 50)
    worker.kill()
    _, errors = chief.communicate(timeout=60)
    assert chief.returncode == 1
    assert "Start the same command again on every worker" in errors
    worker.communicate()

    end = last_step(tmp_path) + 10
    for process in tiny_run.start_workers(tmp_path, {**LONG, "train_steps": end}):
        tiny_run.output_of(process)
    assert [row["step"] for row in tiny_run.rows(tmp_path)[0]] == list(range(1, end + 1))
    two_devices = {**LONG, "train_steps": end, "num_virtual_devices": 2}
    tiny_run.output_of(tiny_run.start(tmp_path / "whole", two_devices))
    np.testing.assert_allclose(
        tiny_run.losses(tmp_path), tiny_run.losses(tmp_path / "whole"), rtol=1e-5
    )


@pytest.mark.slow
def test_sigterm_to_one_worker_saves_and_stops_all(tmp_path):
    chief, worker = tiny_run.start_workers(tmp_path, LONG)
    wait_for_rows(tmp_path, (chief, worker), 5)
    worker.send_signal(signal.SIGTERM)
    for process in (chief, worker):
        process.communicate(timeout=60)
        assert process.returncode == 143
    assert last_step(tmp_path) == tiny_run.rows(tmp_path)[0][-1]["step"]
