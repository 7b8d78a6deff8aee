"""Special tokens by the role that they play, and how they are written in a tokenizer's files."""

END_OF_TEXT = "<|endoftext|>"
ADDED = {"start": "<s>", "padding": "<pad>", "separator": "</s>", "mask": "<mask>"}  # RoBERTa's
ROLES = ("end_of_text", "unknown", *ADDED)


def special_tokens(roles=()) -> dict[str, str]:
    """Role to token: end-of-text alone, as GPT-2 has it, or with added roles, as RoBERTa has them.

    Where there is a separator, it separates documents too.

    Args:
        roles: iterable of keys of `ADDED`, in any order.
    """
    unknown = sorted(set(roles) - set(ADDED))
    if unknown:
        raise ValueError(f"`roles` must be among {', '.join(ADDED)}. Received: roles={unknown}")
    added = {role: token for role, token in ADDED.items() if role in roles}
    return {"end_of_text": added.get("separator", END_OF_TEXT)} | added


def numbered(tokens: dict[str, str], first: int) -> dict[str, int]:
    """Role to id, counted from `first`; roles that share a token share its id.

    Args:
        tokens: dict from role to token.
        first: int. The id of the first role's token.
    """
    places = list(dict.fromkeys(tokens.values()))
    return {role: first + places.index(token) for role, token in tokens.items()}


def start_of_writing(tokenizer) -> int:
    """What a decoder that writes a text reads first: the start, else (as T5) padding, else
    end-of-text; of a tokenizer that came with a model, what that model says."""
    if tokenizer.model_start is not None:
        return tokenizer.model_start
    ids = tokenizer.special_ids
    return ids.get("start", ids.get("padding", tokenizer.end_of_text))


def end_of_writing(tokenizer) -> int:
    """What a decoder that writes a text says last: the separator, else end-of-text."""
    return tokenizer.special_ids.get("separator", tokenizer.end_of_text)
