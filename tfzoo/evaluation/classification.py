"""How well classes were found, from counts of what is and what was found; and a picture of those.

A confusion matrix has a row for each class that is, and a column for each that was found.
"""

import dataclasses

import numpy as np

from tfzoo.evaluation.picture import Picture, new_figure, picture_of
from tfzoo.tasks import scores

_MOST_NUMBERED = 30  # classes; of more, the numbers would not be readable


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationScore:
    """How well classes were found; what is divided by nothing is 0.

    Attributes:
        num_examples: int.
        accuracy: float. Share of the examples whose class was found.
        macro_f1: float. Mean of `f1`.
        matthews: float in [-1, 1]. Correlation of what is and what was found.
        precision: float64 (n,). Of what was found to be a class, the share that is.
        recall: float64 (n,). Of what is of a class, the share that was found to be.
        f1: float64 (n,). Their harmonic mean.
        counts: int64 (n,). The examples of each class.
    """

    num_examples: int
    accuracy: float
    macro_f1: float
    matthews: float
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    counts: np.ndarray


def confusion_matrix(labels, found, num_classes: int) -> np.ndarray:
    """Counts the examples of each class by the class that was found.

    Args:
        labels: int (m,), what each example is, from 0 to `num_classes` - 1.
        found: int (m,), what it was found to be.
        num_classes: int, n.

    Returns:
        int64 (n, n).

    Raises:
        ValueError: if the two have not the same shape, or a class is outside the range.
    """
    labels, found = np.asarray(labels, np.int64), np.asarray(found, np.int64)
    if labels.shape != found.shape or labels.ndim != 1:
        raise ValueError(
            "`labels` and `found` must have one and the same length. "
            f"Received: shapes {labels.shape} and {found.shape}."
        )
    both = np.concatenate([labels, found])
    if both.size and not 0 <= both.min() <= both.max() < num_classes:
        raise ValueError(
            f"`labels` and `found` must be from 0 to {num_classes - 1}. "
            f"Received: {both.min()} to {both.max()}."
        )
    places = labels * num_classes + found
    return np.bincount(places, minlength=num_classes**2).reshape(num_classes, num_classes)


def score_classes(confusion: np.ndarray) -> ClassificationScore:
    """What a confusion matrix (n, n) says in numbers."""
    confusion = np.asarray(confusion).astype(np.int64)
    f1 = scores.f1(confusion)
    return ClassificationScore(
        num_examples=int(confusion.sum()),
        accuracy=scores.accuracy(confusion),
        macro_f1=float(f1.mean()),
        matthews=scores.matthews(confusion),
        precision=_shares(np.diag(confusion), confusion.sum(0)),
        recall=_shares(np.diag(confusion), confusion.sum(1)),
        f1=f1,
        counts=confusion.sum(1),
    )


def draw_confusion(confusion: np.ndarray, names) -> Picture:
    """A confusion matrix in colours: of each class's examples, the share found to be each class.

    Args:
        confusion: counts (n, n).
        names: list of str, n. Of the classes.

    Raises:
        ValueError: if there is not one name a class.
        UsageError: if matplotlib is not installed.
    """
    confusion = np.asarray(confusion).astype(np.int64)
    if confusion.shape != (len(names), len(names)):
        raise ValueError(
            "`names` must have one name a class. "
            f"Received: {len(names)} names, confusion of shape {confusion.shape}."
        )
    side = min(3.0 + 0.4 * len(names), 16.0)
    figure = new_figure(side, side, "The picture of a confusion matrix")
    axes = figure.add_subplot()
    shares = _shares(confusion, confusion.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(names)), [_plain(name) for name in names], rotation=90)
    axes.set_yticks(range(len(names)), [_plain(name) for name in names])
    axes.set_xlabel("found")
    axes.set_ylabel("is")
    if len(names) <= _MOST_NUMBERED:
        for (row, column), count in np.ndenumerate(confusion):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    return picture_of(figure)


def _plain(name: str) -> str:
    """The name without what matplotlib would take for a formula."""
    return name.replace("$", r"\$")


def _shares(parts, wholes):
    parts = np.asarray(parts, np.float64)
    wholes = np.broadcast_to(np.asarray(wholes, np.float64), parts.shape)
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
