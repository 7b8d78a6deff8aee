"""Which examples are held out: whatever their order, and near-duplicates with each other."""

import pytest

from tests.data.texts import words
from tfzoo.data.examples.sides import TRAIN, VALIDATION, normalised, side

NEAR_DUPLICATES = [
    ("Open the file.", "open THE  file"),
    ("Step 1: see page 20", "Step 2: see page 3!"),
    ("\uff21 \ufb01le", "a file"),  # full width, a ligature
    ("'Yes', he said", "Yes he said…"),
    ("42 + 1", "42+1"),
]


def texts(count):
    return [words(12, seed=number) for number in range(count)]


@pytest.mark.parametrize(("one", "other"), NEAR_DUPLICATES)
def test_near_duplicates_are_the_same_when_normalised(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Open the file", "Open the files"), ("café", "cafe"), ("1 + 1", "2 + 2"), ("दिन", "दीन")],
)
def test_other_texts_are_not(one, other):
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize("change", [str.upper, lambda text: f" {text} 7."])
def test_near_duplicates_are_on_one_side(change):
    sides = [
        [side({"source": text, "target": "x"}, "pairs", 0.5) for text in (text, change(text))]
        for text in texts(200)
    ]
    assert all(one == other for one, other in sides)
    assert {one for one, _ in sides} == {TRAIN, VALIDATION}


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5])
def test_about_the_share_that_is_asked_for_is_held_out(fraction):
    held_out = sum(side({"text": t}, "labelled", fraction) == VALIDATION for t in texts(5000))
    assert abs(held_out - 5000 * fraction) < 4 * (5000 * fraction * (1 - fraction)) ** 0.5


def test_more_is_held_out_of_the_same_with_a_larger_fraction():
    for text in texts(300):
        sides = [side({"text": text}, "labelled", fraction) for fraction in (0.1, 0.2, 0.5)]
        assert sides == sorted(sides)


def test_the_side_is_the_same_on_every_machine_and_day():
    held_out = [
        n
        for n in range(1, 60)
        if side({"text": chr(97 + n % 26) * n}, "labelled", 0.1) == VALIDATION
    ]
    assert held_out == [15, 28, 33, 53, 54, 56]


@pytest.mark.parametrize(
    ("kind", "example", "other"),
    [
        ("pairs", {"source": "a", "target": "b"}, {"source": "a", "target": "c"}),
        (
            "labelled",
            {"text": "a", "text_pair": "x", "label": "b"},
            {"text": "a", "text_pair": "y", "label": "c"},
        ),
        ("tagged", {"words": ["a", "b"], "tags": ["O", "O"]}, {"words": ["a b"], "tags": ["P"]}),
        ("dialogue", {"turns": ["a", "b"]}, {"turns": ["a", "c", "d"]}),
    ],
)
def test_one_text_of_each_kind_decides(kind, example, other):
    sides = [[side(one, kind, share / 100) for one in (example, other)] for share in range(100)]
    assert all(one == same for one, same in sides)


def test_another_role_may_decide():
    examples = [{"source": "same", "target": text} for text in texts(50)]
    assert len({side(example, "pairs", 0.5) for example in examples}) == 1
    assert len({side(example, "pairs", 0.5, "target") for example in examples}) == 2
