"""Each objective drawn: what the model reads, and what it is to find.

Tokens are letters; | ends or separates, ^ starts, _ pads, ? hides, 0 1 2 are sentinels.
"""

import numpy as np
import pytest

from tests.tasks.tiny_stores import byte_tokenizer, example_store, shown, token_store
from tfzoo.errors import UsageError
from tfzoo.tasks import TASKS

TEXT = ["gallia est omnis divisa", "arma virumque cano"]


def first_rows(name, folder, *, num_rows, sequence_length=16, **fields):
    """The first batch of an objective on `TEXT`, as numpy."""
    task = TASKS[name](tokenizer=byte_tokenizer(8), **fields)
    store = token_store(folder / "tokens", TEXT, task.tokenizer)
    batches = task.training_batches(
        store, sequence_length=sequence_length, global_batch_size=num_rows, seed=4
    )
    return next(iter(batches.as_numpy_iterator()))


def rows_of(name, folder, examples, *, length, labels=(), **fields):
    """Examples as an objective's rows."""
    task = TASKS[name](tokenizer=byte_tokenizer(), labels=labels, **fields)
    store = task.examples(example_store(folder / "examples", task, examples), length)
    return task.batch(store, np.arange(store.num_examples), length)


def test_causal_lm(tmp_path):
    batch = first_rows("causal_lm", tmp_path, num_rows=2, mask_documents=True)
    assert shown(batch["token_ids"]) == ["|gallia est omni", "s divisa|arma vi"]
    assert shown(batch["targets"]) == ["gallia est omnis", " divisa|arma vir"]
    assert batch["document_ids"].tolist() == [[1] * 16, [0] * 8 + [1] * 8]


def test_masked_lm(tmp_path):
    batch = first_rows("masked_lm", tmp_path, num_rows=2, mask_documents=True)
    assert shown(batch["token_ids"]) == ["^nis ?ivisa|ar?|", "^vir?mque can?||"]
    assert batch["positions"].tolist() == [[5, 14], [4, 13]]
    assert shown(batch["targets"]) == ["dm", "uo"]
    assert batch["document_ids"].tolist() == [[0] * 12 + [1] * 4, [0] * 15 + [1] * 1]


def test_bert(tmp_path):
    batch = first_rows("bert", tmp_path, num_rows=3)
    assert shown(batch["token_ids"]) == ["^o?nis d?vi||no|", "^iru?qu? c||ano|", "^?rma viru||mqu|"]
    assert shown(batch["targets"]) == ["mi", "me", "am"]
    assert batch["labels"].tolist() == [1, 0, 0]


def test_albert(tmp_path):
    batch = first_rows("albert", tmp_path, num_rows=3)
    assert shown(batch["token_ids"]) == ["^s?||omnis?divi|", "^iru?qu? c||ano|", "^?rma viru||mqu|"]
    assert batch["labels"].tolist() == [1, 0, 0]


def test_span_corruption(tmp_path):
    batch = first_rows("span_corruption", tmp_path, num_rows=2, noise_density=0.4)
    assert shown(batch["token_ids"]) == ["visa|arma0ru1q2|", "|ga0est o1nis 2|"]
    assert shown(batch["decoder_token_ids"]) == ["^0 vi1m2ue c", "^0llia 1m2di"]
    assert shown(batch["targets"]) == ["0 vi1m2ue c|", "0llia 1m2di|"]


def test_translation(tmp_path):
    pairs = [("one dog", "ein Hund"), ("a", "ab"), ("0123456789", "0123456789")]
    examples = [{"source": source, "target": target} for source, target in pairs]
    batch = rows_of("translation", tmp_path, examples, length=10)
    assert shown(batch["token_ids"]) == ["^one dog|_", "^a|_______", "^01234567|"]
    assert shown(batch["decoder_token_ids"]) == ["^ein Hund|", "^ab|______", "^012345678"]
    assert shown(batch["targets"]) == ["ein Hund|_", "ab|_______", "0123456789"]
    assert batch["padding_mask"].sum(-1).tolist() == [9, 3, 10]
    assert batch["weights"].sum(-1).tolist() == [9.0, 3.0, 10.0]


def test_text_to_text(tmp_path):
    examples = [
        {"text": "fine", "label": "good"},
        {"text": "oh", "text_pair": "no", "label": "bad"},
    ]
    batch = rows_of("text_to_text", tmp_path, examples, length=16, prefix="mood: ")
    assert shown(batch["token_ids"]) == ["^mood: fine|____", "^mood: oh||no|__"]
    assert shown(batch["targets"]) == ["good|___________", "bad|____________"]


def test_classification_of_texts_and_of_pairs(tmp_path):
    examples = [
        {"text": "fine", "label": "good"},
        {"text": "oh", "text_pair": "no", "label": "bad"},
        {"text": "0123456789", "text_pair": "no", "label": "bad"},
        {"text": "0123456789", "label": "bad"},
    ]
    batch = rows_of("classification", tmp_path, examples, length=9, labels=("bad", "good"))
    assert shown(batch["token_ids"]) == ["^fine|___", "^oh||no|_", "^012||no|", "^0123456|"]
    assert batch["labels"].tolist() == [1, 0, 0, 0]
    assert batch["weights"].tolist() == [1, 1, 1, 1]


def test_regression(tmp_path):
    batch = rows_of("regression", tmp_path, [{"text": "fine", "label": 0.75}], length=8)
    assert shown(batch["token_ids"]) == ["^fine|__"]
    assert batch["labels"].tolist() == [0.75]


def test_similarity(tmp_path):
    examples = [
        {"text": "fine", "text_pair": "0123456789", "label": 0.5},
        {"text": "oh", "text_pair": "", "label": -1.0},
    ]
    batch = rows_of("similarity", tmp_path, examples, length=8)
    assert shown(batch["token_ids"]) == ["^fine|__", "^oh|____"]
    assert shown(batch["second_token_ids"]) == ["^012345|", "^|______"]
    assert batch["second_padding_mask"].sum(-1).tolist() == [8, 2]
    assert batch["labels"].tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
    ("change", "told"),
    [({"text_pair": None}, "--text_pair_field"), ({"label": 2.5}, "2.5.*Divide")],
)
def test_similarity_needs_pairs_and_cosines(change, told, tmp_path):
    row = {"text": "fine", "text_pair": "well", "label": 0.5, **change}
    with pytest.raises(UsageError, match=told):
        rows_of("similarity", tmp_path, [row], length=8)


def test_token_classification(tmp_path):
    examples = [
        {"words": ["Ada", "met", "us"], "tags": ["B-PER", "O", "O"]},
        {"words": ["", "London"], "tags": ["O", "B-LOC"]},
    ]
    labels = ("B-LOC", "B-PER", "O")
    batch = rows_of("token_classification", tmp_path, examples, length=12, labels=labels)
    assert shown(batch["token_ids"]) == ["^Ada met us|", "^_ London|__"]
    tags = np.where(batch["weights"] > 0, batch["labels"], 9)
    assert ["".join(map(str, row)) for row in tags] == ["919929992999", "920999999999"]


def test_dialogue(tmp_path):
    dialogues = [["hi", "yo"], ["so", "what", "then"], ["a long question", "no"]]
    batch = rows_of("dialogue", tmp_path, [{"turns": x} for x in dialogues], length=12)
    assert shown(batch["token_ids"]) == ["hi|yo_______", "so|what|then", " question|no"]
    assert shown(batch["targets"]) == ["i|yo|_______", "o|what|then|", "question|no|"]
    replies = np.where(batch["weights"] > 0, batch["targets"], ord("."))
    assert shown(replies) == ["..yo|.......", "..what|then|", ".........no|"]


def test_dialogues_longer_than_a_row_go_on_in_others(tmp_path):
    turns = ["tick", "tack", "toe", "so", "a reply that is too long"]
    batch = rows_of("dialogue", tmp_path, [{"turns": turns}], length=16)
    assert shown(batch["token_ids"]) == [
        "tick|tack|toe|so",
        "toe|so|a reply t",
        "reply that is to",
        "that is too long",
    ]
    replies = np.where(batch["weights"] > 0, batch["targets"], ord("."))
    assert shown(replies) == [
        "....tack|toe|so|",
        "......a reply th",
        ".......at is too",
        ".......... long|",
    ]
