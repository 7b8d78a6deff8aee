"""What a model reads of a conversation before it replies: whole turns, the latest of them."""

from tfzoo.tasks.dialogue import turn_ids

_AT_ONCE = 16  # conversations that a template writes
_ROLES = ("user", "assistant")  # whose turn comes last, and whose before it


def history(tokenizer, turns, room: int) -> list[int]:
    """The turns as a model reads them, the oldest left out where there is no room.

    A tokenizer's chat template says how; without one they are as the task `dialogue` has them. The
    last turn is a user's, and those before alternate; a template gets them from a user's turn on.

    Args:
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        turns: list of str, one at least.
        room: int > 0, the most tokens to give.

    Returns:
        List of int. It starts with a turn, unless the last alone has no room: then its beginning is
        left out.

    Raises:
        UsageError: if the chat template cannot be used.
    """
    if tokenizer.chat_template is not None:
        return _as_template(tokenizer, turns, room)
    kept = []
    for turn in reversed(turn_ids(tokenizer, turns)):
        if kept and len(turn) + len(kept) > room:
            break
        kept = turn + kept
    return kept[-room:]


def _as_template(tokenizer, turns, room):
    places = range(len(turns) - 1, -1, -1)
    messages = [
        {"role": _ROLES[place % 2], "content": turn}
        for place, turn in zip(places, turns, strict=True)
    ]
    starts = [n for n, message in enumerate(messages) if message["role"] == _ROLES[0]]
    [kept] = _read(tokenizer, [messages[starts[0] :]])
    if len(kept) <= room:
        return kept
    kept = []
    for last in range(len(starts), 0, -_AT_ONCE):  # From the latest turn on, more and more.
        some = starts[max(last - _AT_ONCE, 0) : last]
        for token_ids in _read(tokenizer, [messages[start:] for start in reversed(some)]):
            if len(token_ids) > room:
                return kept or token_ids[-room:]
            kept = token_ids
    return kept


def _read(tokenizer, conversations):
    return map(tokenizer.encode_chat, tokenizer.chat_template.render(conversations))
