"""What sums over examples say: functions of numbers that were added up over all batches."""

import math

import numpy as np


def mean(total, count) -> float:
    """`total / count`, or nan of nothing."""
    return float(total) / float(count) if count else math.nan


def perplexity(loss: float) -> float:
    """`exp(loss)`, or infinity above what a float can be."""
    return math.inf if loss > 700 else math.exp(loss)


def accuracy(confusion: np.ndarray) -> float:
    """Share of the examples on the diagonal. `confusion[i, j]`: of class i, found to be j."""
    return mean(np.trace(confusion), confusion.sum())


def f1(confusion: np.ndarray) -> np.ndarray:
    """Of each class, the harmonic mean of precision and recall: `2 tp / (2 tp + fp + fn)`.

    Args:
        confusion: float (n, n). `confusion[i, j]` examples of class i were found to be j.

    Returns:
        float64 (n,); 0 for a class that neither is there nor was found.
    """
    hits = np.diag(confusion).astype(np.float64)
    both = confusion.sum(0) + confusion.sum(1)
    return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)


def matthews(confusion: np.ndarray) -> float:
    """The correlation of what is and what was found, in [-1, 1]; 0 if either never changes.

    Of two classes it is Matthews' (1975, doi:10.1016/0005-2795(75)90109-9), of more Gorodkin's R_K
    (2004, doi:10.1016/j.compbiolchem.2004.09.006, equation 8).

    Args:
        confusion: float (n, n), as in `f1`.
    """
    confusion = np.asarray(confusion, np.float64)
    there, found, total = confusion.sum(1), confusion.sum(0), confusion.sum()
    agreement = np.trace(confusion) * total - there @ found
    spread = math.sqrt((total**2 - found @ found) * (total**2 - there @ there))
    return agreement / spread if spread else 0.0


def pearson(num, x, y, xx, yy, xy) -> float:
    """The correlation of two variables, from their count and the sums of x, y, xx, yy and xy."""
    spread = math.sqrt(max(0.0, num * xx - x * x) * max(0.0, num * yy - y * y))
    return float(num * xy - x * y) / spread if spread else 0.0
