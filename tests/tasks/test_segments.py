"""Pairs of spans: examples drawn, labels that are true, and no hint in the lengths."""

import numpy as np
import pytest

from tests.tasks.tiny_stores import byte_tokenizer, token_store
from tfzoo.errors import UsageError
from tfzoo.tasks.segments import Spans

LATIN = "gallia est omnis divisa in partes tres"
GREEK = "menin aeide thea peleiadeo achileos"
SHORT = "uno"


@pytest.fixture(scope="module")
def spans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "tokens"
    return Spans(token_store(folder, [LATIN, SHORT, GREEK], byte_tokenizer()), 12, after_spaces())


def after_spaces():
    """Stands for pieces that begin words: here, the space before them does."""
    return np.arange(261) == ord(" ")


def texts(pair):
    first, second, label = pair
    return bytes(first.tolist()).decode(), bytes(second.tolist()).decode(), label


def test_drawn_examples(spans):
    generator = np.random.default_rng(1)
    assert [texts(spans.followed(i, generator)) for i in (0, 2, 4, 5)] == [
        ("gallia", " est o", 0),
        ("in partes", " ac", 1),
        ("menin aeide", " ", 1),
        ("thea", " peleiad", 0),
    ]
    assert [texts(spans.ordered(i, generator)) for i in range(3)] == [
        (" est o", "gallia", 1),
        (" ", "mnis divisa", 1),
        ("in partes", " tr", 0),
    ]


def test_spans_cover_the_documents(spans):
    generator, found = np.random.default_rng(0), []
    for i in range(len(spans)):
        first, second, label = texts(spans.ordered(i, generator))
        found.append(second + first if label else first + second)
    assert found == [
        "gallia est o",
        "mnis divisa ",
        "in partes tr",
        " partes tres",
        "menin aeide ",
        "thea peleiad",
        "deo achileos",
    ]


def test_labels_are_true_and_as_often_one_as_the_other(spans):
    generator, labels = np.random.default_rng(0), []
    for i in range(3000):
        first, second, label = texts(spans.followed(i % len(spans), generator))
        labels.append(label)
        own, other = (LATIN, GREEK) if first in LATIN else (GREEK, LATIN)
        assert second in other if label else first + second in own
        assert len(first + second) == 12 and first and second
    assert np.mean(labels) == pytest.approx(0.5, abs=0.03)


def test_exchanged_parts_follow_each_other_backwards(spans):
    generator, labels = np.random.default_rng(0), []
    for i in range(300):
        first, second, label = texts(spans.ordered(i % len(spans), generator))
        labels.append(label)
        assert (second + first if label else first + second) in LATIN + GREEK
    assert 0.4 < np.mean(labels) < 0.6


def test_second_parts_begin_where_words_do(spans):
    generator = np.random.default_rng(0)
    pairs = [texts(spans.followed(i % len(spans), generator)) for i in range(300)]
    begun = [second[0] == " " for _, second, _ in pairs]
    assert np.mean(begun) > 0.9


def test_every_place_of_the_other_documents_may_follow(spans):
    generator = np.random.default_rng(0)
    drawn = (texts(spans.followed(0, generator)) for _ in range(3000))
    found = {second for _, second, label in drawn if label}
    assert {"menin ", " aeide", " thea ", " pelei", " achil"} <= found


def test_one_document_is_not_enough(tmp_path):
    store = token_store(tmp_path / "tokens", [LATIN, SHORT], byte_tokenizer())
    with pytest.raises(UsageError, match="at least two documents"):
        Spans(store, 12, after_spaces())
    spans = Spans(store, 12, after_spaces(), num_documents=1)  # Enough for an order of sentences.
    generator = np.random.default_rng(0)
    assert {spans.ordered(0, generator)[2] for _ in range(20)} == {0, 1}
