"""Flags that do not go together: each is named, all of them at once, and good ones pass."""

import dataclasses

import pytest

from tfzoo.errors import UsageError
from tfzoo.training import checks, model_flags
from tfzoo.training.config import TrainConfig

GOOD = TrainConfig(model_dir="runs/good", dataset="sotu")
CLASSES = {"task": "classification", "dataset": "rotten_reviews"}
DIALOGUE = {"task": "dialogue", "dataset": "chatterbot"}
SCORED = {"task": "regression", "dataset": "rotten_reviews"}
MASKED = {"task": "masked_lm", "preset": "bert_tiny"}


def problems(**changes):
    return checks.problems(dataclasses.replace(GOOD, **changes))


def test_good_flags_have_no_problem(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("a")
    assert problems() == []
    assert problems(dataset=None, text_files=(str(text),), dropout=0.0, profile_steps=(2, 2)) == []
    assert problems(**CLASSES, head_dropout=0.0) == problems(**MASKED, mask_probability=0.5) == []
    assert problems(model_overrides=("dropout=0.2", "num_layers=1", "intermediate_dim=7")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_dir": ""}, "--model_dir is not set"),
        ({"model_dir": __file__}, "is a file"),
        ({"preset": "gpt2_smal"}, "--preset=gpt2_smal is not known. Did you mean gpt2_small?"),
        ({"model_overrides": ("num_layer=2",)}, "Did you mean num_layers?"),
        ({"model_overrides": ("num_layers",)}, "must be name=value"),
        ({"model_overrides": ("num_layers=2.5",)}, "num_layers must be of type int"),
        ({"model_overrides": ("use_bias=no",)}, "use_bias must be of type bool"),
        ({"model_overrides": ("num_layers=2", "num_layers=3")}, "gives num_layers twice"),
        ({"model_overrides": ("vocabulary_size=9",)}, "which the tokenizer sets"),
        ({"model_overrides": ("max_sequence_length=9",)}, "which --sequence_length sets"),
        ({"model_overrides": ("num_heads=3",)}, "`num_heads` must divide"),
        ({"model_overrides": ("dropout=0.1",), "dropout": 0.1}, "--dropout=0.1 and"),
        ({"task": "masked_lm"}, "--task=masked_lm cannot teach --preset=gpt2_mini"),
        ({"task": "classification"}, "--dataset=sotu is not known. Known: chatterbot"),
        (
            {"noise_density": 0.1},
            "--noise_density is no option of --task=causal_lm, but of span_corruption. Leave it",
        ),
        ({"label_field": "x"}, "--label_field is no option of --task=causal_lm, but of text_to_te"),
        ({"on_bad_rows": "skip"}, "--on_bad_rows is no option of --task=causal_lm, but of transl"),
        (
            {**CLASSES, "source_field": "x"},
            "--task=classification, but of translation. Leave it out.",
        ),
        ({**DIALOGUE, "text_field": "x"}, "--text_field is no option of --task=dialogue, but of"),
        ({**SCORED, "label_smoothing": 0.1}, "--label_smoothing is no option of --task=regression"),
        ({**CLASSES, "head_dropout": 1.0}, "--head_dropout must be in [0, 1)"),
        ({**MASKED, "mask_probability": 2.0}, "--mask_probability must be in (0, 1)"),
        ({"dropout": 1.0}, "--dropout must be in [0, 1)"),
        ({"sequence_length": 0}, "--sequence_length must be positive"),
        ({"dataset": None}, "exactly one of --dataset and --text_files"),
        ({"text_files": (__file__,)}, "exactly one of --dataset and --text_files"),
        ({"dataset": "sotus"}, "--dataset=sotus is not known. Did you mean sotu?"),
        ({"dataset": None, "text_files": ("/no/such.txt",)}, "--text_files: no file matches"),
        ({"validation_files": ("/no/such.txt",)}, "--validation_files: no file matches"),
        ({"validation_fraction": 0.0}, "--validation_fraction must be in (0, 1)"),
        ({"tokenizer": "byte_pairs"}, "Did you mean byte_pair?"),
        ({"tokenizer": "nowhere/byte_pairs"}, "Did you mean byte_pair?"),
        ({"tokenizer": __file__}, "is no file of a tokenizer. Give a tokenizer's folder, or a"),
        ({"vocabulary_size": 100}, "--vocabulary_size must be at least 257"),
        ({"tokenizer": "characters", "vocabulary_size": 2}, "--vocabulary_size must be at least 3"),
        ({"export_dir": __file__}, "is a file. Give a folder"),
        ({"export_dir": f"{__file__}/a/b"}, f"cannot be made, for {__file__} is a file"),
        ({"profile_steps": (50, 1001)}, "--profile_steps=50,1001 ends after the last step"),
        ({"global_batch_size": 0}, "--global_batch_size must be at least 1"),
        ({"global_batch_size": 3, "num_microbatches": 2}, "--global_batch_size=3"),
        ({"train_steps": 0}, "--train_steps must be at least 1"),
        ({"learning_rate": float("nan")}, "--learning_rate must be positive"),
        ({"min_learning_rate": -1e-4}, "--min_learning_rate must be between 0 and --learning_rate"),
        ({"min_learning_rate": 1e-2}, "--min_learning_rate must be between 0 and --learning_rate"),
        (
            {"min_learning_rate": 1e-4, "schedule": "constant"},
            "--min_learning_rate=0.0001 means nothing to --schedule=constant",
        ),
        ({"clip_norm": float("inf")}, "--clip_norm must not be negative"),
        ({"warmup_steps": -1}, "--warmup_steps must not be negative"),
        ({"adam_beta2": 1.0}, "--adam_beta2 must be in [0, 1)"),
        ({"ema_decay": 1.0}, "--ema_decay must be in [0, 1)"),
        ({"seed": 2**31}, "--seed must be below"),
        ({"profile_steps": (5, 4)}, "--profile_steps must be two steps"),
        ({"num_virtual_devices": 2, "strategy": "none"}, "--num_virtual_devices=2"),
    ],
)
def test_a_bad_flag_is_named(changes, message):
    (problem,) = problems(**changes)
    assert message in problem


@pytest.mark.parametrize(
    "changes",
    [
        {"text_field": "body", "label_smoothing": 0.1},
        {**CLASSES, "text_field": "a", "text_pair_field": "b", "label_field": "c"},
        {**SCORED, "label_field": "c", "on_bad_rows": "skip"},
        {**DIALOGUE, "turns_field": "a", "on_bad_rows": "skip"},
    ],
)
def test_fields_of_the_tasks_own_kind_of_data_are_taken(changes):
    assert problems(**changes) == []


@pytest.mark.parametrize("name", ["vocab.txt", "vocab.json", "spiece.model"])
def test_a_published_models_file_is_a_tokenizer(name, tmp_path):
    (tmp_path / name).write_text("")
    assert problems(tokenizer=str(tmp_path / name)) == []


def test_all_bad_flags_are_named_at_once():
    found = problems(
        preset="gpt3", dataset=None, tokenizer="bpe", train_steps=0, validation_fraction=2.0,
        dropout=0.1, model_overrides=("dropout=0.2",),
    )  # fmt: skip
    assert len(found) == 6
    assert len(problems(model_overrides=("layers=1", "num_heads=x", "vocabulary_size=5"))) == 3


def test_the_model_is_what_the_flags_say():
    config = dataclasses.replace(
        GOOD,
        preset="gpt2_tiny",
        model_overrides=("hidden_dim=32", "num_heads=4"),
        dropout=0.25,
        sequence_length=16,
    )
    model = model_flags.model_config(config, vocabulary_size=300)
    assert (model.hidden_dim, model.num_heads, model.intermediate_dim) == (32, 4, 128)
    assert (model.dropout, model.max_sequence_length) == (0.25, 16)
    assert (model.vocabulary_size, model.num_layers) == (300, 2)


def test_an_overridden_intermediate_dim_does_not_follow_hidden_dim():
    config = dataclasses.replace(GOOD, model_overrides=("intermediate_dim=48", "hidden_dim=32"))
    assert model_flags.model_config(config).intermediate_dim == 48


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("false", False)])
def test_a_switch_of_the_model_is_true_or_false(text, value):
    config = dataclasses.replace(GOOD, model_overrides=(f"use_bias={text}",))
    assert model_flags.model_config(config).use_bias is value


def test_a_model_that_cannot_be_is_a_usage_error():
    with pytest.raises(UsageError, match="--preset=gpt2_mini with --model_overrides: `num_layers`"):
        model_flags.model_config(dataclasses.replace(GOOD, model_overrides=("num_layers=0",)))
