"""Real processes on a small real text."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.programs import Program

# Lincoln's address at Gettysburg, 1863, in three documents, and the first of Moby-Dick, 1851.
TEXTS = [
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, "
    "conceived in Liberty, and dedicated to the proposition that all men are created equal.",
    "Now we are engaged in a great civil war, testing whether that nation, or any nation so "
    "conceived and so dedicated, can long endure. We are met on a great battle-field of that war. "
    "We have come to dedicate a portion of that field, as a final resting place for those who here "
    "gave their lives that that nation might live. It is altogether fitting and proper that we "
    "should do this.",
    "But, in a larger sense, we can not dedicate -- we can not consecrate -- we can not hallow -- "
    "this ground. The brave men, living and dead, who struggled here, have consecrated it, far "
    "above our poor power to add or detract. The world will little note, nor long remember what we "
    "say here, but it can never forget what they did here. It is for us the living, rather, to be "
    "dedicated here to the unfinished work which they who fought here have thus far so nobly "
    "advanced.",
    "Call me Ishmael. Some years ago -- never mind how long precisely -- having little or no money "
    "in my purse, and nothing particular to interest me on shore, I thought I would sail about a "
    "little and see the watery part of the world. It is a way I have of driving off the spleen and "
    "regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it "
    "is a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before "
    "coffin warehouses, and bringing up the rear of every funeral I meet; then, I account it high "
    "time to get to sea as soon as I can.",
]

# A model and a text so small that a step takes milliseconds; dropout is on.
FLAGS = {
    "preset": "gpt2_tiny",
    "model_overrides": "num_layers=1,hidden_dim=32",
    "dropout": 0.1,
    "text_files": "text.jsonl",
    "tokenizer": "bytes",
    "sequence_length": 32,
    "global_batch_size": 4,
    "train_steps": 300,
    "warmup_steps": 10,
    "log_every_steps": 1,
    "eval_every_steps": 100,
    "checkpoint_every_steps": 40,
    "data_dir": "data",
    "export_dir": "",
    "strategy": "none",
}


class Workshop:
    """A working directory with a text, and the commands that a user gives there."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.write_text(TEXTS)

    def write_text(self, texts):
        rows = [json.dumps({"text": text}) for text in texts]
        (self.folder / "text.jsonl").write_text("\n".join(rows))

    def flags(self, model_dir, **changes) -> list[str]:
        named = {"model_dir": model_dir, **FLAGS, **changes}
        return [f"--{name}={value}" for name, value in named.items() if value is not None]

    def start(self, arguments, folder=None) -> Program:
        """Starts training in a process of its own."""
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        return Program("tfzoo.train", arguments, folder or self.folder, environment)

    def train(self, arguments, folder=None, code=0) -> str:
        """Trains to the end; gives what was printed, after checking the exit code."""
        process = self.start(arguments, folder)
        output, errors = process.communicate()
        assert process.returncode == code, errors
        return output + errors

    def path(self, *parts) -> Path:
        return self.folder.joinpath(*parts)

    def rows(self, model_dir) -> list[dict]:
        """Rows of metrics.jsonl; a partial last line is left out, and so is what time decides."""
        path = self.path(model_dir, "metrics.jsonl")
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return [{k: v for k, v in row.items() if k != "tokens_per_second"} for row in rows]

    def wait_for_rows(self, model_dir, count, process):
        """Waits until training has written so many rows."""
        while len(self.rows(model_dir)) < count:
            assert process.poll() is None, process.written()[1]
            time.sleep(0.005)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def calm(workshop):
    """A run that nothing disturbed."""
    workshop.train(workshop.flags("calm"))
    return workshop.path("calm")
