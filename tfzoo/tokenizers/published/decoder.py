"""What each id of a `tokenizer.json` stands for, in a text and at its start, by its decoder."""

import re

from tfzoo.tokenizers.merges import BYTE_CHARACTERS, to_bytes

_ALONE = ("ByteLevel", "WordPiece", "BPEDecoder")
_STEPS = ("Replace", "ByteFallback", "Fuse", "Strip", "Metaspace")
_ALPHABET = set(BYTE_CHARACTERS)
_BYTE = re.compile("<0x([0-9A-F]{2})>")


def spelt(engine, kinds: list[str], tokens: list[str], special: set[str]):
    """The bytes that each token adds to a text, and those of one that starts with it.

    Args:
        engine: `tokenizers.Tokenizer`, for its decoder.
        kinds: list of str. The steps of the decoder, as `known_kinds` gives.
        tokens: list of str, one an id.
        special: set of str. Tokens that stand for no text.

    Returns:
        Two lists of bytes, one an id.
    """
    spell = {"ByteLevel": _of_bytes, "BPEDecoder": _of_marked_ends}.get(kinds[0], _of_marked_starts)
    pairs = [
        (b"", b"") if token in special else spell(engine.decoder, token, "ByteFallback" in kinds)
        for token in tokens
    ]
    return [later for later, _ in pairs], [first for _, first in pairs]


def known_kinds(decoder) -> list[str]:
    """The names of a decoder's steps.

    Raises:
        ValueError: if it is not known what it does.
    """
    kinds = step_kinds(decoder)
    if kinds not in [[kind] for kind in _ALONE]:
        unknown = [kind for kind in kinds if kind not in _STEPS]
        if unknown or not kinds:
            found = unknown[0] if unknown else None
            raise ValueError(f"has a tokenizer.json with a decoder that is not known here: {found}")
    return kinds


def step_kinds(step) -> list[str]:
    """The names of a step of `tokenizer.json`, or of the steps in a Sequence; none for None."""
    if not step:
        return []
    if step.get("type") != "Sequence":
        return [str(step.get("type"))]
    inner = next(value for value in step.values() if isinstance(value, list))
    return [kind for part in inner for kind in step_kinds(part)]


def _of_bytes(decoder, token, has_bytes):
    text = to_bytes(token) if _ALPHABET.issuperset(token) else token.encode()
    return text, text


def _of_marked_ends(decoder, token, has_bytes):
    """A word's last piece brings the space behind it."""
    text = decoder.decode([token, "a"])[:-1].encode()
    return text, text


def _of_marked_starts(decoder, token, has_bytes):
    """A word's first piece brings the space before it, but not at the start of a text."""
    if has_bytes and (found := _BYTE.fullmatch(token)):
        value = bytes([int(found[1], 16)])
        return value, value
    return decoder.decode(["a", token])[1:].encode(), decoder.decode([token]).encode()
