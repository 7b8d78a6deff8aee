"""Runs of `python -m tfzoo.train` in the test's own process, on the small texts of `folder`."""

from tfzoo import train
from tfzoo.training.metrics import read_rows
from tfzoo.training.model_dir import ModelDir

SMALL = "num_layers=1,num_heads=2,hidden_dim=16,intermediate_dim=32"


def arguments(folder, model_dir, task, data, *more):
    named = {
        "model_dir": model_dir,
        "task": task,
        "text_files": folder / data,
        "data_dir": folder / "stores",
        "train_steps": 4,
        "schedule": "constant",
        "warmup_steps": 0,
        "learning_rate": 3e-3,
        "validation_fraction": 0.3,
        "log_every_steps": 1,
        "export_dir": "",
        "jit": "false",
    }
    return [*(f"--{name}={value}" for name, value in named.items()), *more]


def run(*given):
    assert train.main(arguments(*given)) == 0
    return [row["loss"] for row in read_rows(given[1]) if "loss" in row]


def first_run(folder, name, preset, task, *more):
    """A run to begin with."""
    data = "text" if task == "bert" else "two.csv"
    shape = [f"--preset={preset}", f"--model_overrides={SMALL}", "--tokenizer=bytes"]
    run(folder, folder / name, task, data, *shape, "--sequence_length=48", *more)
    return folder / name


def weights(model_dir):
    """Those that a reader of the run is given."""
    found = ModelDir(model_dir).checkpoints.restore().weights
    return {path: array for path, array in found.items() if array.dtype.kind == "f"}
