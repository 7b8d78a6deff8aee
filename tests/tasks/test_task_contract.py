"""Every objective does what an objective must, with a small model of each kind that it fits."""

import pytest

from tests.contracts import check_task
from tests.tasks.tiny_stores import byte_tokenizer, example_store, token_store
from tfzoo import models
from tfzoo.tasks import TASKS

TEXT = ["abc abd " * 9, "xyz " * 10, "abd abc xyz " * 4]
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven")
PAIRS = [{"source": word, "target": word[::-1]} for word in NUMBERS]
LABELLED = [{"text": f"{word} is", "label": "even" if len(word) % 2 else "odd"} for word in NUMBERS]
LABELLED_PAIRS = [{**row, "text_pair": "so long"} for row in LABELLED]
SCORED = [{"text": word, "label": float(len(word))} for word in NUMBERS]
ALIKE = [{"text": word, "text_pair": "so long", "label": len(word) / 5 - 0.8} for word in NUMBERS]
TAGGED = [{"words": ["in", word], "tags": ["O", "B-NUM"]} for word in NUMBERS]
DIALOGUES = [{"turns": ["how many?", word]} for word in NUMBERS]
CASES = {
    "causal_lm": ("gpt2_tiny", TEXT, {}),
    "masked_lm": ("roberta_base", TEXT, {}),
    "bert": ("bert_tiny", TEXT, {"whole_word_masking": True}),
    "albert": ("albert_base", TEXT, {}),
    "span_corruption": ("t5_tiny", TEXT, {}),
    "translation": ("transformer_tiny", PAIRS, {}),
    "text_to_text": ("t5_tiny", LABELLED, {"prefix": "is: "}),
    "classification": ("bert_tiny", LABELLED, {}),
    "classification of pairs": ("roberta_base", LABELLED_PAIRS, {}),
    "classification by a decoder": ("gpt2_tiny", LABELLED, {}),
    "regression": ("bert_tiny", SCORED, {}),
    "similarity": ("bert_tiny", ALIKE, {}),
    "token_classification": ("bert_tiny", TAGGED, {}),
    "dialogue": ("gpt2_tiny", DIALOGUES, {}),
}


def test_every_objective_has_a_case():
    assert {case.split()[0] for case in CASES} == set(TASKS)


# Others have the parts of each of these.
SECOND = {"classification of pairs", "classification by a decoder", "text_to_text", "masked_lm"}
SECOND |= {"regression"}


@pytest.mark.parametrize(
    "case", [pytest.param(x, marks=pytest.mark.slow if x in SECOND else ()) for x in CASES]
)
def test_an_objective_keeps_its_contract(case, tmp_path):
    preset, rows, fields = CASES[case]
    task_class = TASKS[case.split()[0]]
    tokenizer = byte_tokenizer(num_sentinels=4)
    task = task_class(tokenizer=tokenizer, labels=labels_of(rows), **fields)
    if task.data_kind == "text":
        store = token_store(tmp_path / "store", rows, tokenizer)
    else:
        store = example_store(tmp_path / "store", task, rows)
    model = models.from_preset(
        preset,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        vocabulary_size=tokenizer.vocabulary_size,
        max_sequence_length=24,
        dropout=0.0,
    )
    check_task(task, model, store)


def labels_of(rows):
    if isinstance(rows[0], str):
        return ()
    found = [row.get("tags", [row.get("label", "")]) for row in rows]
    return tuple(sorted({str(label) for labels in found for label in labels}))
