"""One text or a pair of texts as the model reads it, special tokens between, cut to a length."""

import dataclasses
from typing import NamedTuple


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the special tokens stand around a text or a pair.

    Attributes:
        before: tuple of roles, before the first text.
        between: tuple of roles, between the two texts of a pair.
        after: tuple of roles, after the last text.
        second_segment: int. Segment of the second text and of what stands after it.
    """

    before: tuple[str, ...] = ()
    between: tuple[str, ...]
    after: tuple[str, ...]
    second_segment: int = 0

    def num_specials(self, is_pair: bool) -> int:
        """How many special tokens stand around one text, or around a pair."""
        return len(self.before) + len(self.after) + (len(self.between) if is_pair else 0)


NOTHING = Layout(between=(), after=())
PLAIN = Layout(between=("end_of_text",), after=("end_of_text",))
BERT = Layout(  # [CLS] a [SEP] b [SEP] (Devlin et al. 2019, section 3, arXiv:1810.04805)
    before=("start",), between=("separator",), after=("separator",), second_segment=1
)
ROBERTA = Layout(  # <s> a </s></s> b </s>, one segment (Liu et al. 2019, arXiv:1907.11692)
    before=("start",), between=("separator", "separator"), after=("separator",)
)


class Joined(NamedTuple):
    """A text or a pair, ready for a model.

    Attributes:
        token_ids: list of int, special ones included.
        segment_ids: list of int, as many: 0, and the layout's second segment.
    """

    token_ids: list[int]
    segment_ids: list[int]


def join(layout: Layout, special_ids, first, second=None, max_length=None) -> Joined:
    """The ids of one text or two with the special ids around them, cut to a length.

    The longer of two texts loses its last tokens first; of equals the second does.

    Args:
        layout: `Layout`.
        special_ids: dict from role to id; it has the layout's roles.
        first: list of int.
        second: list of int, or None.
        max_length: int, or None for no limit.

    Raises:
        ValueError: if `max_length` has no room for the special tokens.
    """
    if max_length is not None:
        first, second = _cut(first, second, room(layout, second is not None, max_length))
    before, between, after = (
        [special_ids[role] for role in roles]
        for roles in (layout.before, layout.between, layout.after)
    )
    if second is None:
        token_ids = [*before, *first, *after]
        return Joined(token_ids, [0] * len(token_ids))
    head, tail = [*before, *first, *between], [*second, *after]
    return Joined(head + tail, [0] * len(head) + [layout.second_segment] * len(tail))


def room(layout: Layout, is_pair: bool, max_length: int) -> int:
    """The number of tokens that fit beside the special ones.

    Raises:
        ValueError: if the special ones do not fit.
    """
    num_specials = layout.num_specials(is_pair)
    if max_length < num_specials:
        raise ValueError(
            f"`max_length` must be at least {num_specials}, the number of special tokens. "
            f"Received: max_length={max_length}"
        )
    return max_length - num_specials


def _cut(first, second, most):
    if second is None:
        return first[:most], None
    second = second[: max(most // 2, most - len(first))]
    return first[: most - len(second)], second
