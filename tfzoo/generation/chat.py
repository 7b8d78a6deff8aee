"""What a model reads of a conversation before it replies: whole turns, the latest of them."""

from tfzoo.tasks.dialogue import turn_ids


def history(tokenizer, turns, room: int) -> list[int]:
    """The turns as the task `dialogue` has them, the oldest left out where there is no room.

    Args:
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        turns: list of str, one at least.
        room: int > 0, the most tokens to give.

    Returns:
        List of int. It starts with a turn, unless the last alone has no room: then its beginning is
        left out.
    """
    kept = []
    for turn in reversed(turn_ids(tokenizer, turns)):
        if kept and len(turn) + len(kept) > room:
            break
        kept = turn + kept
    return kept[-room:]
