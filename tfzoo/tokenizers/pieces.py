"""Long texts in pieces for the fast engine, whose cost grows faster than a text does."""

import itertools

LONGEST = 1 << 15  # characters, where there are borders


def pieces(text: str, border) -> list[str]:
    """The text in pieces of about `LONGEST` characters.

    Args:
        text: str.
        border: compiled regular expression. No word goes on over the place where a match starts.
    """
    found, start = [], 0
    while len(text) - start > LONGEST:
        match = border.search(text, start + LONGEST)
        if match is None:
            break
        found.append(text[start : match.start()])
        start = match.start()
    return [*found, text[start:]]


def encode(engine, texts: list[str], border) -> list[list[int]]:
    """The ids that a `tokenizers.Tokenizer` gives each text, without special ones.

    Args:
        engine: `tokenizers.Tokenizer`.
        texts: list of str.
        border: compiled regular expression, as for `pieces`.
    """
    rows = [pieces(text, border) for text in texts]
    flat = list(itertools.chain.from_iterable(rows))
    encoded = iter(engine.encode_batch_fast(flat, add_special_tokens=False))
    return [list(itertools.chain.from_iterable(next(encoded).ids for _ in row)) for row in rows]
