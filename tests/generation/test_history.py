"""What of a conversation is read: whole turns, the latest, as many as there is room for."""

import pytest

from tfzoo import tokenizers
from tfzoo.generation.chat import history

TURNS = ["one", "three", "seven"]
END = 256


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.train("bytes", [], 257)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (16, ["one", "three", "seven"]),
        (15, ["three", "seven"]),
        (12, ["three", "seven"]),
        (11, ["seven"]),
        (6, ["seven"]),
    ],
)
def test_the_oldest_turns_are_left_out_whole(tokenizer, room, kept):
    assert history(tokenizer, TURNS, room) == [i for turn in kept for i in (*turn.encode(), END)]


def test_a_last_turn_without_room_loses_its_beginning(tokenizer):
    assert history(tokenizer, TURNS, 3) == [*b"en", END]
