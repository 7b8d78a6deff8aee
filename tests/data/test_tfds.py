"""tensorflow-datasets by name, on a data set prepared on disk by the package itself."""

import numpy as np
import pytest

from tfzoo.data import open_source
from tfzoo.data.prepared_split import _parse
from tfzoo.errors import UsageError

ROWS = [f"Speech {number}, né 中文\n" for number in range(25)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("data")
    features = {
        "text": tfds.features.Text(),
        "label": np.int64,
        "title": tfds.features.Text(),
    }
    rows = [
        (number, {"text": row, "label": number, "title": "a title"})
        for number, row in enumerate(ROWS)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="speeches",
        version="1.2.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": rows, "test": rows[:5]},
        data_dir=str(folder / "tensorflow_datasets"),
        disable_shuffling=True,
    )
    return str(folder)


def texts(name, data_dir, **options):
    source = open_source(name, data_dir=data_dir, **options)
    return [b"".join(document.pieces()).decode() for document in source.documents()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tfds:speeches", ROWS),
        ("tfds:speeches:test", ROWS[:5]),
        ("tfds:speeches:1.2.0", ROWS),
        ("tfds:speeches:1.2.0:train[:40%]", ROWS[:10]),
        ("tfds:speeches:train+test", ROWS + ROWS[:5]),
    ],
)
def test_examples_are_documents(name, expected, data_dir):
    assert texts(name, data_dir) == expected


def test_another_field_can_be_named(data_dir):
    assert set(texts("tfds:speeches", data_dir, text_field="title")) == {"a title"}


@pytest.mark.parametrize(
    ("name", "field", "message"),
    [
        ("tfds:speeches:valid", "text", r"has no split 'valid'; it has \['test', 'train'\]"),
        ("tfds:speeches:test[:0]", "text", "the split .* is empty"),
        ("tfds:speeches", "body", r"--text_field: .*'body'; it has \['text', 'title'\]"),
        ("tfds:speeches", "label", "--text_field: tfds:speeches has no text feature 'label'"),
        ("tfds:no_such_name", "text", "--dataset: tensorflow-datasets .* knows no 'no_such_name'"),
    ],
)
def test_bad_names_are_one_clear_error(name, field, message, data_dir):
    with pytest.raises(UsageError, match=message):
        open_source(name, text_field=field, data_dir=data_dir)


def test_what_cannot_be_fetched_is_one_clear_error(data_dir):
    # A data set that nobody can fetch, with a network or without: its files must be got by hand.
    with pytest.raises(UsageError, match="could not fetch or read it .* --text_files"):
        open_source("tfds:reddit_disentanglement", data_dir=data_dir)


def test_fingerprints_tell_names_splits_and_fields_apart(data_dir):
    given = [("", "text"), (":test", "text"), (":train[:5]", "text"), ("", "title")]
    found = {
        open_source(f"tfds:speeches{split}", text_field=field, data_dir=data_dir).fingerprint
        for split, field in given
    }
    assert len(found) == len(given)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tfds:a", ("a", "train")),
        ("tfds:a/b:test", ("a/b", "test")),
        ("tfds:a/b:1.0.0", ("a/b:1.0.0", "train")),
        ("tfds:a:1.*.*:train[:5%]", ("a:1.*.*", "train[:5%]")),
    ],
)
def test_names_are_read_as_builder_and_split(name, expected):
    assert _parse(name) == expected
