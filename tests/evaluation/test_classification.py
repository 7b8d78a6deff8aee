"""Scores of classes: a case by hand, scikit-learn as the peer, and the picture."""

import io
import sys

import numpy as np
import pytest

from tfzoo.errors import UsageError
from tfzoo.evaluation import confusion_matrix, draw_confusion, score_classes

# Rows are what is: of 5 cats 3 were found, of 3 dogs 2, and the only emu was taken for a dog.
BY_HAND = np.array([[3, 2, 0], [1, 2, 0], [0, 1, 0]])
NAMES = ["cat", "dog", "emu"]


def test_scores_are_as_computed_by_hand():
    score = score_classes(BY_HAND)
    assert (score.num_examples, score.accuracy) == (9, pytest.approx(5 / 9))
    np.testing.assert_allclose(score.precision, [3 / 4, 2 / 5, 0])
    np.testing.assert_allclose(score.recall, [3 / 5, 2 / 3, 0])
    np.testing.assert_allclose(score.f1, [2 / 3, 1 / 2, 0])
    assert score.macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 3)
    # 5 right of 9; classes come 5, 3, 1 times and are found 4, 5, 0 times.
    covariance = 5 * 9 - (5 * 4 + 3 * 5)
    assert score.matthews == pytest.approx(covariance / ((81 - 35) * (81 - 41)) ** 0.5)
    assert score.counts.tolist() == [5, 3, 1]


def test_two_classes_have_the_correlation_of_their_bits():
    draw = np.random.default_rng(0)
    labels, found = draw.integers(0, 2, (2, 300))
    expected = np.corrcoef(labels, found)[0, 1]
    assert score_classes(confusion_matrix(labels, found, 2)).matthews == pytest.approx(expected)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_scores_are_scikit_learns(num_classes):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(num_classes)
    labels = draw.integers(0, num_classes, 500)
    found = np.where(draw.random(500) < 0.6, labels, draw.integers(0, num_classes, 500))
    confusion = confusion_matrix(labels, found, num_classes)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(labels, found))
    score = score_classes(confusion)
    precision, recall, f1, counts = metrics.precision_recall_fscore_support(labels, found)
    np.testing.assert_allclose([score.precision, score.recall, score.f1], [precision, recall, f1])
    np.testing.assert_array_equal(score.counts, counts)
    assert score.accuracy == pytest.approx(metrics.accuracy_score(labels, found))
    assert score.macro_f1 == pytest.approx(metrics.f1_score(labels, found, average="macro"))
    assert score.matthews == pytest.approx(metrics.matthews_corrcoef(labels, found))


def test_always_the_same_class_has_no_correlation():
    score = score_classes([[7, 0], [3, 0]])
    assert (score.matthews, score.accuracy) == (0.0, 0.7)
    assert score.precision.tolist() == [0.7, 0.0]


def test_counts_add_up():
    confusion = confusion_matrix([0, 0, 2], [0, 1, 2], 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("labels", "found", "message"),
    [([0, 1], [0], "same length"), ([0, 3], [0, 0], "0 to 2"), ([0], [-1], "Received: -1 to 0")],
)
def test_what_are_no_classes_is_refused(labels, found, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, found, 3)


def pixels(picture):
    image = pytest.importorskip("matplotlib.image")
    return image.imread(io.BytesIO(picture.png), format="png")


def test_the_picture_is_darkest_where_most_were_found():
    picture = draw_confusion([[9, 1], [0, 10]], ["bad", "good"])
    shown = pixels(picture)
    assert shown.shape == (picture.height, picture.width, 4)
    of_bad = shown[picture.height // 5, :, :3].sum(-1)  # left: found bad, right: found good
    assert of_bad[: picture.width * 2 // 3].min() < 1.5  # dark blue
    assert of_bad[-picture.width // 6] > 2.5
    assert picture.png == draw_confusion([[9, 1], [0, 10]], ["bad", "good"]).png


@pytest.mark.parametrize("num_classes", [1, 3, 40])
def test_any_number_of_classes_can_be_drawn(num_classes):
    names = ["$\\frac$", "_^", "long name " * 3, *map(str, range(3, 40))][:num_classes]
    picture = draw_confusion(np.zeros((num_classes, num_classes)), names)
    assert pixels(picture).shape[:2] == (picture.height, picture.width)


def test_a_name_is_needed_for_each_class():
    with pytest.raises(ValueError, match="2 names, confusion of shape \\(3, 3\\)"):
        draw_confusion(BY_HAND, ["cat", "dog"])


def test_without_matplotlib_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match="pip install 'tfzoo\\[pictures\\]'"):
        draw_confusion(BY_HAND, NAMES)
