"""Options come from a configuration, or are the task's own; bad ones are refused."""

import types

import pytest

from tests.tasks.tiny_stores import byte_tokenizer, example_store, token_store
from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tasks import TASKS

SIZES = {"global_batch_size": 2, "seed": 0, "sequence_length": 16}


def test_options_come_from_the_configuration():
    config = types.SimpleNamespace(
        mask_probability=0.3, whole_word_masking=None, seed=7, tokenizer="a folder", labels="?"
    )
    task = TASKS["masked_lm"].from_config(config, byte_tokenizer(), ["x"])
    assert (task.mask_probability, task.whole_word_masking) == (0.3, False)
    assert task.tokenizer.kind == "bytes" and task.labels == ("x",)


def test_a_task_names_its_options():
    assert TASKS["masked_lm"].options() == (
        "mask_probability",
        "whole_word_masking",
        "mask_documents",
    )
    assert TASKS["bert"].options() == ("mask_probability", "whole_word_masking")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("masked_lm", {"mask_probability": 0.0}),
        ("bert", {"mask_probability": 1.0}),
        ("span_corruption", {"noise_density": 1.5}),
        ("span_corruption", {"mean_span_length": 0.5}),
    ],
)
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(UsageError, match=f"--{next(iter(options))} "):
        TASKS[name](tokenizer=byte_tokenizer(), **options)


@pytest.mark.parametrize("name", ["masked_lm", "bert", "albert"])
def test_a_tokenizer_without_a_mask_is_refused(name, tmp_path):
    tokenizer = tokenizers.train("bytes", (), 0)
    store = token_store(tmp_path / "store", ["a text", "another text"] * 9, tokenizer)
    with pytest.raises(UsageError, match="--tokenizer.*mask"):
        TASKS[name](tokenizer=tokenizer).training_batches(store, **SIZES)


def test_too_few_sentinels_are_refused(tmp_path):
    task = TASKS["span_corruption"](tokenizer=byte_tokenizer(1), noise_density=0.5)
    store = token_store(tmp_path / "store", ["a text that is long enough"], task.tokenizer)
    with pytest.raises(UsageError, match="sentinels.*--tokenizer=sentence_piece"):
        task.training_batches(store, **SIZES)


def test_too_short_a_text_is_refused(tmp_path):
    task = TASKS["masked_lm"](tokenizer=byte_tokenizer())
    store = token_store(tmp_path / "store", ["short"], task.tokenizer)
    with pytest.raises(UsageError, match="--sequence_length"):
        task.training_batches(store, **SIZES)


PAIR = {"text": "a", "text_pair": "b", "label": "x"}
TAGGED = {"words": ["a", "word"], "tags": ["x", "x"]}


@pytest.mark.parametrize(
    ("name", "example", "shortest"),
    [
        ("classification", {"text": "a", "label": "x"}, 3),
        ("regression", {"text": "a", "label": 1.0}, 3),
        ("classification", PAIR, 6),
        ("token_classification", TAGGED, 3),
    ],
    ids=["text", "number", "pair", "tags"],
)
def test_rows_without_room_for_a_token_of_each_text_are_refused(name, example, shortest, tmp_path):
    """The byte tokenizer has RoBERTa's layout: <s> a </s>, and <s> a </s></s> b </s>."""
    task = TASKS[name](tokenizer=byte_tokenizer(), labels=("x",))
    store = example_store(tmp_path / "store", task, [example] * 3)
    sizes = {**SIZES, "sequence_length": shortest}
    assert next(iter(task.training_batches(store, **sizes)))["weights"].numpy().any()
    sizes["sequence_length"] -= 1
    with pytest.raises(UsageError, match=f"--sequence_length={shortest - 1} .* {shortest} tokens"):
        task.training_batches(store, **sizes)


def test_what_changes_the_columns_changes_the_recipe():
    recipes = {
        TASKS[name](tokenizer=tokenizer, labels=labels, **options).recipe
        for name, tokenizer, labels, options in [
            ("classification", byte_tokenizer(), ("a", "b"), {}),
            ("classification", byte_tokenizer(), ("a", "c"), {}),
            ("regression", byte_tokenizer(), ("a", "b"), {}),
            ("classification", tokenizers.train("bytes", (), 0), ("a", "b"), {}),
            ("text_to_text", byte_tokenizer(), ("a", "b"), {}),
            ("text_to_text", byte_tokenizer(), ("a", "b"), {"prefix": "is: "}),
        ]
    }
    assert len(recipes) == 6
    tasks = [
        TASKS["classification"](tokenizer=byte_tokenizer(), head_dropout=p) for p in (0.1, 0.2)
    ]
    assert tasks[0].recipe == tasks[1].recipe
