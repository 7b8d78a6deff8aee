"""Flags: a record becomes flags and comes back; what the user got wrong is named, exit code 2."""

import dataclasses

import pytest

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig

OTHER_VALUES = TrainConfig(
    model_dir="/runs/with space",
    export_dir="",
    model_overrides=("num_layers=2", "hidden_dim=64"),
    dropout=0.0,
    sequence_length=32,
    text_files=("a,b.txt", 'say "hi".txt', "*.jsonl"),
    learning_rate=1 / 3,
    schedule="linear",
    remat=True,
    profile_steps=(20, 25),
)


@pytest.mark.parametrize("config", [TrainConfig(), OTHER_VALUES], ids=["defaults", "others"])
def test_what_is_written_is_read_back(tmp_path, config):
    flags.write(config, tmp_path / "train.flags")
    assert flags.read(TrainConfig, tmp_path / "train.flags") == config


def test_every_field_of_the_record_is_a_flag():
    for field in dataclasses.fields(TrainConfig):
        value = field.metadata["choices"][-1] if field.metadata["choices"] else "1"
        parsed = getattr(flags.parse(TrainConfig, [f"--{field.name}={value}"]), field.name)
        assert parsed in (value, (value,), 1, (1,))


def test_the_last_value_wins_over_a_flagfile(tmp_path):
    flags.write(OTHER_VALUES, tmp_path / "train.flags")
    argv = [f"--flagfile={tmp_path / 'train.flags'}", "--schedule=cosine", "--noremat"]
    config = flags.parse(TrainConfig, argv)
    assert config == dataclasses.replace(OTHER_VALUES, schedule="cosine", remat=False)


def test_unset_and_empty_are_not_the_same():
    assert flags.parse(TrainConfig, []).export_dir is None
    assert flags.parse(TrainConfig, ["--export_dir="]).export_dir == ""


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--learing_rate=1"], "'learing_rate'. Did you mean: learning_rate"),
        (["--schedule=square"], "--schedule=square: value should be one of <cosine|linear"),
        (["--train_steps=1.5"], "--train_steps=1.5"),
        (["--learning_rate=fast"], "--learning_rate=fast"),
        (["--remat=perhaps"], "--remat=perhaps"),
        (["--profile_steps=1,b"], "--profile_steps=1,b"),
        (["--train_steps"], "--train_steps"),
        (["--text_files", "a.txt", "b.txt"], "Unexpected argument 'b.txt'"),
        (["--flagfile=/no/such/file"], "/no/such/file"),
    ],
)
def test_a_wrong_flag_exits_with_2_and_is_named(capsys, argv, message):
    assert flags.run(lambda config: None, TrainConfig, argv) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_a_usage_error_from_below_exits_with_2(capsys):
    def program(config):
        raise UsageError("--tokenizer is missing.")

    assert flags.run(program, TrainConfig, []) == 2
    assert capsys.readouterr().err == "error: --tokenizer is missing.\n"


def test_other_errors_are_not_hidden():
    def program(config):
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        flags.run(program, TrainConfig, [])


def test_a_line_break_cannot_be_written(tmp_path):
    with pytest.raises(UsageError, match="--text_field must not hold a line break"):
        flags.write(TrainConfig(text_field="a\nb"), tmp_path / "train.flags")


def test_help_tells_of_each_flag_in_the_order_of_the_record(capsys):
    def program(config):
        """Does a thing."""

    assert flags.run(program, TrainConfig, ["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Does a thing.\n")
    places = [text.index(f"  --{field.name}") for field in dataclasses.fields(TrainConfig)]
    assert places == sorted(places)
    assert "--schedule=cosine\n" in text
