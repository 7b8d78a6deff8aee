"""Dialogues as rows of bounded length: cut between turns, each reply in one row only."""

from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A part of a dialogue's tokens.

    Attributes:
        start: int, its first token.
        counted: int, the first token that is to be predicted; those before it are read only.
        end: int, behind its last token.
    """

    start: int
    counted: int
    end: int


def windows(turn_lengths, longest: int) -> list[Window]:
    """The windows in which every token after the first turn counts once.

    A window starts and ends between turns, with as many whole turns to be predicted as it has room
    for. Before them stand turns that have been predicted already, or the opening one: as many as
    half a window holds, and one at least. Where a turn and its reply are together longer than a
    window, they are cut: so much is read that half a window is left for the reply, or less where
    that is enough, and what has no room follows in the next.

    Args:
        turn_lengths: ints, the tokens of each turn, end-of-text included; two turns or more.
        longest: int > 1, the most tokens in a window.
    """
    ends = np.cumsum(turn_lengths).tolist()
    found, counted = [], ends[0]
    while counted < ends[-1]:
        start = _start([0, *ends], counted, longest)
        whole = [end for end in ends if counted < end <= start + longest]
        end = whole[-1] if whole else start + longest
        found.append(Window(start, counted, end))
        counted = end
    return found


def _start(borders, counted, longest):
    """Where the window starts whose first token to be predicted is `counted`."""
    turn_end = next(border for border in borders if border > counted)
    earlier = [border for border in borders if border < counted]
    with_room = [border for border in earlier if turn_end - border <= longest]
    first = counted - longest // 2
    if not with_room:
        first = max(min(first, turn_end - longest), 0)
    near = [border for border in with_room or earlier if border >= first]
    return (near or with_room[-1:] or [first])[0]


class WindowedStore:
    """A store of dialogues as one of their windows, in the order of the dialogues.

    Args:
        store: `data.examples.ExampleStore` with the columns token_ids and turn_lengths.
        longest: int, the most tokens in a window.

    Attributes:
        num_examples: int, how many windows there are.
    """

    def __init__(self, store, longest: int):
        self._store = store
        sizes = store.lengths("token_ids")
        first_turns = store.scalars("num_opening")
        self._dialogues = np.arange(len(sizes))
        self._windows = np.stack([np.zeros_like(sizes), first_turns, sizes], 1)
        long = np.flatnonzero(sizes > longest)
        if len(long):
            cut = [windows(row, longest) for row in store.rows("turn_lengths", long)]
            counts = np.ones(len(sizes), np.int64)
            counts[long] = [len(found) for found in cut]
            self._dialogues = np.repeat(self._dialogues, counts)
            self._windows = np.repeat(self._windows, counts, axis=0)
            self._windows[np.isin(self._dialogues, long)] = np.concatenate(cut)
        self.num_examples = len(self._dialogues)

    def lengths(self, column: str) -> np.ndarray:
        """int32 (num_examples,): the tokens that a model reads of each window, all but the last."""
        del column
        return (self._windows[:, 2] - self._windows[:, 0] - 1).astype(np.int32)

    def rows(self, indices) -> list[tuple[np.ndarray, np.ndarray]]:
        """The tokens of these windows, and bool of the same shape: which are to be predicted."""
        wholes = self._store.rows("token_ids", self._dialogues[indices])
        parts = zip(wholes, self._windows[indices], strict=True)
        return [
            (row[start:end], np.arange(start, end) >= counted)
            for row, (start, counted, end) in parts
        ]
