"""The picture of a confusion matrix."""

import io
import sys

import numpy as np
import pytest

from tfzoo.errors import UsageError
from tfzoo.evaluation import draw_confusion

# Rows are what is: of 5 cats 3 were found, of 3 dogs 2, and the only emu was taken for a dog.
BY_HAND = np.array([[3, 2, 0], [1, 2, 0], [0, 1, 0]])
NAMES = ["cat", "dog", "emu"]


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


def test_names_that_the_font_has_not_are_shown_by_their_places():
    """Boxes would be all alike, and matplotlib would warn of them: here an error."""
    found = [[9, 1], [0, 10]]
    assert draw_confusion(found, ["好", "坏"]).png == draw_confusion(found, ["差", "佳"]).png
    drawn = [draw_confusion(found, names).png for names in (["好", "Ж"], ["好", "坏"])]
    assert drawn[0] != drawn[1]


def test_a_name_is_needed_for_each_class():
    with pytest.raises(ValueError, match="2 names, confusion of shape \\(3, 3\\)"):
        draw_confusion(BY_HAND, ["cat", "dog"])


def test_without_matplotlib_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match="pip install 'tfzoo\\[pictures\\]'"):
        draw_confusion(BY_HAND, NAMES)
