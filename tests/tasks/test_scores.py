"""Scores from sums, against those worked out by hand and by another hand."""

import math

import numpy as np
import pytest

from tfzoo.tasks import entities, scores

TWO = np.array([[50.0, 10.0], [5.0, 35.0]])  # tn fp, fn tp
THREE = np.array([[5.0, 1.0, 0.0], [2.0, 3.0, 1.0], [0.0, 0.0, 0.0]])


def test_accuracy():
    assert scores.accuracy(TWO) == 0.85
    assert math.isnan(scores.accuracy(np.zeros((2, 2))))


def test_f1_of_each_class():
    np.testing.assert_allclose(scores.f1(TWO), [100 / 115, 70 / 85])
    np.testing.assert_allclose(scores.f1(THREE), [10 / 13, 6 / 10, 0.0])


def test_matthews_of_two_classes_is_his_own():
    tn, fp, fn, tp = TWO.reshape(-1)
    root = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert scores.matthews(TWO) == pytest.approx((tp * tn - fp * fn) / root)


def test_matthews_of_more_classes_is_a_correlation():
    """Of the indicators of the true and the found class (Gorodkin, 2004, equation 4)."""
    there, found = np.divmod(np.repeat(np.arange(9), THREE.reshape(-1).astype(int)), 3)
    x, y = (np.eye(3)[i] - np.eye(3)[i].mean(0) for i in (there, found))
    expected = (x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum())
    assert scores.matthews(THREE) == pytest.approx(expected)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_scores_are_scikit_learns(num_classes):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(num_classes)
    labels = draw.integers(0, num_classes, 500)
    found = np.where(draw.random(500) < 0.6, labels, draw.integers(0, num_classes, 500))
    confusion = metrics.confusion_matrix(labels, found)
    np.testing.assert_allclose(scores.f1(confusion), metrics.f1_score(labels, found, average=None))
    assert scores.accuracy(confusion) == pytest.approx(metrics.accuracy_score(labels, found))
    expected = metrics.matthews_corrcoef(labels, found)
    assert scores.matthews(confusion) == pytest.approx(expected)


def test_matthews_is_0_where_nothing_is_told_apart():
    assert scores.matthews(np.array([[3.0, 0.0], [4.0, 0.0]])) == 0.0


def test_pearson():
    x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([3.0, 1.0, 5.0, 4.0])
    moments = [np.sum(term) for term in (x, y, x * x, y * y, x * y)]
    assert scores.pearson(4, *moments) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert scores.pearson(2, 2.0, 5.0, 2.0, 13.0, 5.0) == 0.0


def test_perplexity():
    assert scores.perplexity(math.log(7.0)) == pytest.approx(7.0)
    assert scores.perplexity(1e6) == math.inf


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O B-PER I-PER O", {(1, 3, "PER")}),
        ("B-PER B-PER", {(0, 1, "PER"), (1, 2, "PER")}),
        ("I-LOC I-LOC I-PER", {(0, 2, "LOC"), (2, 3, "PER")}),
        ("B-LOC I-PER", {(0, 1, "LOC"), (1, 2, "PER")}),
        ("O NN I", set()),
    ],
)
def test_entities_that_tags_mark(tags, expected):
    assert entities.spans(tags.split()) == expected


@pytest.mark.parametrize("totals", [(3, 0, 0), (0, 2, 0), (0, 0, 0)])
def test_where_no_entity_is_there_or_found_the_shares_are_0(totals):
    """As the evaluation of CoNLL-2003 has it; what is no number could not be told or drawn."""
    assert set(entities.results(np.array(totals, np.float32)).values()) == {0.0}


def test_entities_count_if_all_their_words_and_their_type_are_right():
    names = ("B-A", "I-A", "B-B", "O")
    there = np.array([[0, 1, 3, 2, 0], [0, 3, 3, 0, 0]], np.int32)
    found = np.array([[0, 1, 3, 0, 0], [0, 1, 3, 3, 3]], np.int32)
    weights = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.float32)
    counts = entities.counts(there, found, weights, names)
    assert counts.numpy().tolist() == [4, 4, 2]
    assert entities.results(counts.numpy())["entity_f1"] == 0.5
