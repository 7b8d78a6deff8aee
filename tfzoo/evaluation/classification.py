"""How well classes were found, in a picture.

A confusion matrix has a row for each class that is, and a column for each that was found.
"""

import numpy as np

from tfzoo.evaluation.picture import Picture, has_glyphs, new_figure, picture_of

_MOST_NUMBERED = 30  # classes; of more, the numbers would not be readable


def draw_confusion(confusion: np.ndarray, names) -> Picture:
    """A confusion matrix in colours: of each class's examples, the share found to be each class.

    A name that matplotlib's font has not all characters of is shown as its place: #0 is the first.

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
    shown = [name if has_glyphs(name) else f"#{place}" for place, name in enumerate(names)]
    axes.set_xticks(range(len(names)), shown, rotation=90, parse_math=False)
    axes.set_yticks(range(len(names)), shown, parse_math=False)
    axes.set_xlabel(
        "found" if shown == list(names) else "found\n(#n: the results' class n, from 0)"
    )
    axes.set_ylabel("is")
    if len(names) <= _MOST_NUMBERED:
        for (row, column), count in np.ndenumerate(confusion):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    return picture_of(figure)


def _shares(parts, wholes):
    parts = np.asarray(parts, np.float64)
    wholes = np.broadcast_to(np.asarray(wholes, np.float64), parts.shape)
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
