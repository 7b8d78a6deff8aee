"""Documents: pieces of bounded size, cut where nothing is lost."""

import random

import pytest

from tfzoo.data.documents import PIECE_BYTES, Document, in_memory, word_border

LONG = ("Fellow-Citizens of the Senate, " * 100_000).encode()


def document(text):
    return Document(name="a text", open=in_memory(text))


@pytest.mark.parametrize(
    "text", [b"", b"a", b" ", LONG, b"x" * 3_000_001, "é".encode() * 1_500_000]
)
def test_pieces_join_to_the_text(text):
    assert b"".join(document(text).pieces()) == text


@pytest.mark.parametrize("text", [LONG, b"x" * 3_000_001])
def test_pieces_are_bounded(text):
    assert max(map(len, document(text).pieces())) <= PIECE_BYTES + 4096


def test_pieces_end_before_white_space():
    assert all(piece[:1] == b" " for piece in list(document(LONG).pieces())[1:])


def test_pieces_never_cut_a_code_point():
    for piece in document("中".encode() * 1_000_000).pieces():
        piece.decode("utf-8")


def test_a_range_is_that_range():
    assert b"".join(document(LONG).pieces(7, 2_500_000)) == LONG[7:2_500_000]


def test_cuts_leave_the_replacement_of_invalid_bytes_alone():
    draw = random.Random(0)
    parts = [b"\x80", b"\xf0\x9f\x91", b"\xe2\x82", b"\xc3", b"a", "中".encode(), "👍".encode()]
    for _ in range(20_000):
        text = b"".join(draw.choices(parts, k=6))
        near = draw.randrange(1, len(text))
        cut = word_border(text, near)
        halves = (half.decode("utf-8", "replace") for half in (text[:cut], text[cut:]))
        assert "".join(halves) == text.decode("utf-8", "replace"), (text, near, cut)


def test_border_before_is_the_last_white_space():
    assert document(b"one two three").border_before(9) == 7
