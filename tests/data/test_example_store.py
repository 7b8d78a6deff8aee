"""The example store: what it holds, when it is built again, and what goes wrong cleanly."""

import json
import os
import shutil

import numpy as np
import pytest

from tests.data.texts import words
from tfzoo.data import build_example_store, open_examples
from tfzoo.data.examples.sides import VALIDATION, side
from tfzoo.errors import UsageError

LABELS = ["bad", "good"]
COLUMNS = {
    "token_ids": lambda example: list(example["text"].encode()),
    "label": lambda example: LABELS.index(example["label"]),
    "share": lambda example: 1 / len(example["text"]),
}
ROWS = [{"text": f"{words(n % 9 + 1, seed=n)}", "label": LABELS[n % 2]} for n in range(80)]


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def opened(files):
    def open_rows(rows, name="a.jsonl", **options):
        text = rows if isinstance(rows, str) else as_lines(rows)
        return open_examples("labelled", files=[str(files({name: text}) / name)], **options)

    return open_rows


@pytest.fixture
def build(tmp_path):
    def build_here(source, columns=None, **options):
        options = {"recipe": "bytes", "data_dir": str(tmp_path / "data"), **options}
        return build_example_store(source, columns or COLUMNS, progress=False, **options)

    return build_here


def held(store):
    ids = store.rows("token_ids", range(store.num_examples))
    labels = [LABELS[label] for label in store.scalars("label")]
    texts = [bytes(row.astype(np.uint8)).decode() for row in ids]
    return [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]


def test_the_stores_hold_the_examples_in_order(opened, build):
    found = build(opened(ROWS), validation_fraction=0.2)
    sides = [side(row, "labelled", 0.2) == VALIDATION for row in ROWS]
    assert held(found.train) == [row for row, out in zip(ROWS, sides, strict=True) if not out]
    assert held(found.validation) == [row for row, out in zip(ROWS, sides, strict=True) if out]


def test_columns_have_their_types_and_lengths(opened, build):
    store = build(opened(ROWS), validation_source=opened(ROWS[:3], "b.jsonl")).train
    lengths = [len(row["text"].encode()) for row in ROWS]
    assert store.lengths("token_ids").tolist() == lengths
    assert store.lengths("token_ids").dtype == np.int32
    assert store.rows("token_ids", [5])[0].dtype == np.int32
    assert (store.scalars("label").dtype, store.scalars("share").dtype) == (np.int32, np.float32)
    np.testing.assert_allclose(store.scalars("share"), [1 / len(row["text"]) for row in ROWS])


def test_rows_are_read_in_any_order(opened, build):
    store = build(opened(ROWS)).train
    whole = store.rows("token_ids", range(store.num_examples))
    for index, row in zip([7, 2, 7], store.rows("token_ids", np.array([7, 2, 7])), strict=True):
        np.testing.assert_array_equal(row, whole[index])


def test_an_example_may_have_no_tokens(opened, build):
    columns = {"token_ids": lambda example: [] if example["label"] == "bad" else [1, 2]}
    store = build(opened(ROWS), columns).train
    assert set(store.lengths("token_ids")) == {0, 2}
    assert {tuple(row) for row in store.rows("token_ids", range(store.num_examples))} == {
        (),
        (1, 2),
    }


def test_the_manifest_counts_text_and_names_labels(opened, build):
    found = build(opened(ROWS))
    sizes = sum(len(row["text"].encode()) for row in ROWS)
    assert found.train.manifest["num_bytes"] + found.validation.manifest["num_bytes"] == sizes
    assert found.train.manifest["bytes_by_role"] == {"text": found.train.manifest["num_bytes"]}
    assert found.train.labels == found.validation.labels == ("bad", "good")


def built_at(split):
    return [os.stat(store.folder).st_mtime_ns for store in (split.train, split.validation)]


def test_the_same_examples_and_recipe_are_reused(opened, build, tmp_path):
    source = opened(ROWS)
    before = built_at(build(source))
    shutil.rmtree(tmp_path / "text")  # the source knows its fingerprint, but can no longer be read
    assert built_at(build(source)) == before


def test_other_examples_recipes_and_splits_have_stores_of_their_own(opened, build):
    source = opened(ROWS)
    folders = {
        build(source).folder,
        build(source, recipe="other").folder,
        build(source, validation_fraction=0.3).folder,
        build(opened(ROWS[1:], "b.jsonl")).folder,
        build(source, {"token_ids": COLUMNS["token_ids"]}).folder,
    }
    assert len(folders) == 5


def test_the_split_may_go_by_another_role(files, build):
    rows = [{"source": "same", "target": words(9, seed=n)} for n in range(40)]
    source = open_examples("pairs", files=[str(files({"a.jsonl": as_lines(rows)}) / "a.jsonl")])
    columns = {"token_ids": lambda example: [len(example["target"])]}
    with pytest.raises(UsageError, match="--validation_fraction=0.1 leaves no example of"):
        build(source, columns)
    assert build(source, columns, split_by="target").validation.num_examples > 0
    with pytest.raises(ValueError, match="`split_by` must be one of .* Received: 'label'"):
        build(source, columns, split_by="label")


@pytest.mark.parametrize("name", ["token_ids.tokens.bin", "label.numbers.bin", "manifest.json"])
def test_a_damaged_store_is_built_again(opened, build, name):
    source = opened(ROWS)
    found = build(source)
    before, expected = built_at(found), held(found.train)
    with open(os.path.join(found.train.folder, name), "r+b") as file:
        file.write(b"\xff\xff")
    found = build(source)
    assert built_at(found) != before
    assert held(found.train) == expected


def test_the_fingerprint_is_of_the_columns_alone(opened, build, tmp_path):
    first = build(opened(ROWS)).train
    other = build(opened(ROWS, "moved.jsonl"), data_dir=str(tmp_path / "d2")).train
    assert first.fingerprint == other.fingerprint
    assert first.fingerprint != build(opened(ROWS), validation_fraction=0.5).train.fingerprint


def test_validation_examples_of_their_own_hold_nothing_out(opened, build):
    found = build(opened(ROWS), validation_source=opened(ROWS[:5], "b.jsonl"))
    assert (held(found.train), held(found.validation)) == (ROWS, ROWS[:5])


BAD = as_lines(ROWS) + "bad\n"


def test_a_bad_row_fails_and_leaves_nothing_behind(opened, build, tmp_path):
    with pytest.raises(UsageError, match="a.jsonl:81: is not JSON"):
        build(opened(BAD))
    assert os.listdir(tmp_path / "data" / "example_stores") == []


def test_rows_left_out_are_counted_whenever_the_store_is_opened(opened, build):
    with pytest.warns(UserWarning, match=r"1 of 81 rows of .* were left out .*\n.*a.jsonl:81: is"):
        found = build(opened(BAD, on_bad_rows="skip"))
    assert found.train.manifest["num_bad_rows"] == 1
    again = opened(BAD, on_bad_rows="skip")
    with pytest.warns(UserWarning, match="1 rows of .* were left out .* when it was encoded"):
        build(again)
    assert again.num_bad_rows == 1


def test_a_store_without_the_bad_rows_does_not_hide_them(opened, build):
    with pytest.warns(UserWarning, match="left out"):
        build(opened(BAD, on_bad_rows="skip"))
    with pytest.raises(UsageError, match="a.jsonl:81"):
        build(opened(BAD))


@pytest.mark.parametrize(
    ("rows", "fraction", "message"),
    [
        ("\n", 0.1, "--text_files: there are no examples in"),
        (ROWS[:1], 0.1, "--validation_fraction=0.1 leaves no example of .* for validation"),
        (ROWS, 0, r"--validation_fraction must be in \(0, 1\)"),
    ],
)
def test_an_empty_part_is_a_clear_error(opened, build, rows, fraction, message):
    with pytest.raises(UsageError, match=message):
        build(opened(rows), validation_fraction=fraction)


def test_validation_that_does_not_fit_is_a_clear_error(opened, build):
    source = opened(ROWS)
    with pytest.raises(UsageError, match="--validation_files: .*a.jsonl is also a training file"):
        build(source, validation_source=source)
    other = opened([{"text": "a", "label": "so so"}], "b.jsonl")
    with pytest.raises(UsageError, match=r"labels that no training example has: \['so so'\]"):
        build(source, validation_source=other)


def test_columns_that_are_none_are_told(opened, build):
    store = build(opened(ROWS)).train
    with pytest.raises(ValueError, match="`column` must be one that holds tokens.*'label'"):
        store.rows("label", [0])
    with pytest.raises(ValueError, match="`column` must be one that holds numbers.*'no_such'"):
        store.scalars("no_such")


def test_training_texts_are_those_of_the_training_examples(opened, build):
    source = opened(ROWS)
    texts = [text.decode() for text in source.training_texts(0.2)]
    assert texts == [row["text"] for row in held(build(source, validation_fraction=0.2).train)]
    assert [text.decode() for text in source.training_texts(0)] == [row["text"] for row in ROWS]
    few = list(source.training_texts(0, max_bytes=source.total_bytes // 4))
    assert 0 < sum(map(len, few)) <= source.total_bytes // 4
    assert few[-1].decode() in [row["text"] for row in ROWS[60:]]
