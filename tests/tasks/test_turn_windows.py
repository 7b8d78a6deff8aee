"""Dialogues cut between turns: no reply is lost, none counts twice, none starts without a turn."""

import random

import pytest

from tfzoo.tasks.turn_windows import windows

LONGEST = 20


def dialogues(longest_turn):
    draw = random.Random(longest_turn)
    for _ in range(300):
        yield [draw.randint(1, longest_turn) for _ in range(draw.randint(2, 12))]


@pytest.mark.parametrize("longest_turn", [4, 10, 60])
def test_every_token_after_the_first_turn_counts_once(longest_turn):
    for turns in dialogues(longest_turn):
        found = windows(turns, LONGEST)
        counted = [token for one in found for token in range(one.counted, one.end)]
        assert counted == list(range(turns[0], sum(turns)))


@pytest.mark.parametrize("longest_turn", [4, 10, 60])
def test_windows_are_no_longer_than_asked_and_read_something_first(longest_turn):
    for turns in dialogues(longest_turn):
        assert all(
            0 <= start < counted < end <= start + LONGEST
            for start, counted, end in windows(turns, LONGEST)
        )


def test_windows_end_between_turns_where_a_turn_and_its_reply_have_room():
    for turns in dialogues(LONGEST // 2):
        borders = {sum(turns[:n]) for n in range(len(turns) + 1)}
        assert all({one.start, one.counted, one.end} <= borders for one in windows(turns, LONGEST))


def test_a_dialogue_that_has_room_is_one_window():
    assert windows([5, 6, 9], LONGEST) == [(0, 5, 20)]
    assert windows([18, 2], LONGEST) == [(0, 18, 20)]


def test_half_a_window_of_earlier_turns_is_read():
    assert windows([5, 5, 5, 5, 5, 5], LONGEST) == [(0, 5, 20), (10, 20, 30)]
    assert windows([5, 5, 10, 10], LONGEST) == [(0, 5, 20), (10, 20, 30)]
    assert windows([4, 5, 11, 3], LONGEST) == [(0, 4, 20), (9, 20, 23)]


def test_a_turn_too_long_is_cut_and_goes_on():
    cut = [(0, 5, 20), (10, 20, 30), (20, 30, 40), (25, 40, 45)]
    assert windows([5, 40], LONGEST) == cut
    assert windows([40, 3], LONGEST) == [(23, 40, 43)]
    assert windows([40, 3, 15], LONGEST) == [(23, 40, 43), (40, 43, 58)]
