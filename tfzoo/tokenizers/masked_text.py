"""Texts with the mask token in them: the one special token that somebody may type.

What stands between masks is encoded as texts of its own. Where pieces begin with the space before a
word, a mask has the one before it, as it had in training.
"""


def mask_token(tokenizer) -> str:
    """How a mask is typed, for example [MASK].

    Raises:
        UsageError: if the tokenizer has none.
    """
    tokenizer.special("mask")
    return tokenizer.special_tokens["mask"]


def takes_space(tokenizer) -> bool:
    """Whether a mask stands for the spaces before it too."""
    return any(len(piece) > 1 and piece.startswith(b" ") for piece in tokenizer.token_bytes)


def encode(tokenizer, texts) -> list[list[int]]:
    """The ids of each text (str), with the mask's id for each mask that is typed.

    Raises:
        UsageError: if the tokenizer has no mask.
    """
    token, mask, strips = mask_token(tokenizer), tokenizer.special("mask"), takes_space(tokenizer)
    rows = []
    for text in texts:
        *before, last = text.split(token)
        parts = [part.rstrip(" ") if strips else part for part in before]
        encoded = tokenizer.encode_batch([*parts, last])
        rows.append([i for ids in encoded for i in (*ids, mask)][:-1])
    return rows
