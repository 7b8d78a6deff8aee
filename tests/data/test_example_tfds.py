"""Examples from tensorflow-datasets by the names of features, on a data set prepared on disk."""

import numpy as np
import pytest

from tfzoo.data import open_examples
from tfzoo.errors import UsageError

ROWS = [
    {
        "en": f"one {n}",
        "de": f"eins {n}, né",
        "stars": n % 3,
        "score": n / 2,
        "tokens": ["a", f"b{n}"],
        "ner": [0, n % 2],
    }
    for n in range(12)
]
STARS, NER = ["good", "bad", "fair"], ["O", "B-LOC"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("data")
    features = tfds.features.FeaturesDict(
        {
            "en": tfds.features.Text(),
            "de": tfds.features.Text(),
            "stars": tfds.features.ClassLabel(names=STARS),
            "score": np.float32,
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "ner": tfds.features.Sequence(tfds.features.ClassLabel(names=NER)),
        }
    )
    unknown = {**ROWS[0], "stars": -1, "de": b"\xff"}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="examples",
        version="1.0.0",
        features=features,
        split_datasets={"train": list(enumerate(ROWS)), "test": [(0, ROWS[1]), (1, unknown)]},
        data_dir=str(folder / "tensorflow_datasets"),
        disable_shuffling=True,
    )

    def open_split(kind, split="train", on_bad_rows="fail", **fields):
        options = {"fields": fields, "on_bad_rows": on_bad_rows, "data_dir": str(folder)}
        return open_examples(kind, dataset=f"tfds:examples:{split}", **options)

    return open_split


def test_features_are_pairs(opened):
    found = list(opened("pairs", source="en", target="de").examples())
    assert found == [{"source": row["en"], "target": row["de"]} for row in ROWS]


def test_class_labels_go_by_name(opened):
    source = opened("labelled", text="en", text_pair="de", label="stars")
    assert list(source.examples())[1] == {
        "text": "one 1",
        "text_pair": "eins 1, né",
        "label": "bad",
    }
    assert source.labels == ("bad", "fair", "good")


def test_numbers_are_scores(opened):
    found = opened("scored", text="en", label="score").examples()
    assert [example["label"] for example in found] == [row["score"] for row in ROWS]


def test_sequences_are_words_and_tags(opened):
    source = opened("tagged", words="tokens", tags="ner")
    assert list(source.examples())[1] == {"words": ["a", "b1"], "tags": ["O", "B-LOC"]}
    assert source.labels == ("B-LOC", "O")


def test_sequences_are_turns(opened):
    found = list(opened("dialogue", turns="tokens").examples())
    assert found[3] == {"turns": ["a", "b3"]}


def test_a_label_that_is_not_told_and_broken_text_are_bad_rows(opened):
    source = opened("labelled", "test", text="de", label="stars")
    with pytest.raises(UsageError, match=r"tfds:examples:test\[1\]: the field 'de' is not valid"):
        list(source.examples())
    source = opened("labelled", "test", "skip", text="en", label="stars")
    with pytest.warns(
        UserWarning, match=r"1 of 2 rows .*\n.*\[1\]: the field 'stars' holds no text"
    ):
        assert len(list(source.examples())) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (
            "pairs",
            {"source": "en"},
            r"--target_field: .* no field 'target' .* \['de', 'en', 'ner',",
        ),
        ("labelled", {"text": "fr", "label": "stars"}, "--text_field: tfds:examples:train has no"),
    ],
)
def test_features_that_are_not_there_are_one_clear_error(opened, kind, fields, message):
    with pytest.raises(UsageError, match=message):
        opened(kind, **fields)


def test_fingerprints_tell_splits_and_fields_apart(opened):
    found = {
        opened("pairs", split, source=source, target="de").fingerprint
        for split, source in [("train", "en"), ("test", "en"), ("train", "de"), ("train[:5]", "en")]
    }
    assert len(found) == 4
