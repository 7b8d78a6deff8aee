"""GPT-2's two files, vocab.json and merges.txt: read, checked, written.

In both files a byte is written as one printable character (`BYTE_CHARACTERS`), so that a token is
a word without spaces: " the" reads "Ġthe".
"""

import itertools

from tfzoo.tokenizers import folders
from tfzoo.tokenizers.specials import ADDED, special_tokens

VOCABULARY_FILE = "vocab.json"
MERGES_FILE = "merges.txt"
_VERSION = "#version: 0.2"
_REMEDY = "Give vocab.json and merges.txt of one and the same byte-level BPE tokenizer."


def _byte_characters() -> str:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = itertools.count(0x100)
    return "".join(chr(byte if byte in printable else next(spare)) for byte in range(256))


BYTE_CHARACTERS = _byte_characters()  # the character at place n stands for the byte n
_BYTES = str.maketrans({character: chr(n) for n, character in enumerate(BYTE_CHARACTERS)})


def to_bytes(token: str) -> bytes:
    """The bytes that a token stands for."""
    return token.translate(_BYTES).encode("latin-1")


def read(folder, special: dict[str, str]):
    """What the two files hold.

    Args:
        folder: path of the folder with the two files.
        special: dict from role to special token, which merges must not make; empty for the special
            tokens of RoBERTa, if the vocabulary has them all, or else of GPT-2.

    Returns:
        The vocabulary (dict from token to id), the merges (list of pairs of tokens, in order of
        their ranks), and the special tokens (dict from role to token).

    Raises:
        UsageError: if a file is missing or broken, or if the two contradict each other.
    """
    vocabulary = folders.read_json(folder, VOCABULARY_FILE)
    fault = _fault_of_ids(vocabulary)
    if not fault:
        special = special or special_tokens(ADDED if set(ADDED.values()) <= set(vocabulary) else ())
        fault = _fault_of_tokens(vocabulary, set(special.values()))
    if fault:
        raise folders.broken(folder, f"has a {VOCABULARY_FILE} {fault}", _REMEDY)
    merges = []
    lines = folders.read_text(folder, MERGES_FILE).splitlines()
    start = 1 if lines and lines[0].startswith("#version") else 0
    for number, line in enumerate(lines[start:], start + 1):
        if line:
            merges.append(tuple(line.split(" ")))
            fault = _fault_of_merge(merges[-1], vocabulary, set(special.values()))
            if fault:
                raise folders.broken(
                    folder, f"has a {MERGES_FILE} whose line {number} {fault}", _REMEDY
                )
    if len(set(merges)) < len(merges):
        raise folders.broken(folder, f"has a {MERGES_FILE} with a line that comes twice", _REMEDY)
    return vocabulary, merges, special


def to_files(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> dict[str, bytes]:
    """The two files, as Hugging Face and GPT-2 read them."""
    by_id = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    lines = [_VERSION, *(" ".join(merge) for merge in merges)]
    return {
        VOCABULARY_FILE: folders.to_json(by_id),
        MERGES_FILE: ("\n".join(lines) + "\n").encode(),
    }


def _fault_of_ids(vocabulary) -> str | None:
    if not isinstance(vocabulary, dict) or not all(type(n) is int for n in vocabulary.values()):
        return "that is not one JSON object from token to id"
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        return "whose ids are not 0, 1, 2, ... without holes or repetitions"
    return None


def _fault_of_tokens(vocabulary, special) -> str | None:
    for token in sorted(special - set(vocabulary)):
        return f"without the special token {token}"
    lacking = [f"0x{n:02x}" for n, char in enumerate(BYTE_CHARACTERS) if char not in vocabulary]
    if lacking:
        return (
            f"without a token for the byte {lacking[0]} ({len(lacking)} of 256 bytes are missing)"
        )
    alphabet = set(BYTE_CHARACTERS)
    foreign = [t for t in vocabulary if t not in special and not (t and alphabet.issuperset(t))]
    if foreign:
        return f"with the token {foreign[0]!r}, which is not written in GPT-2's byte characters"
    return None


def _fault_of_merge(merge, vocabulary, special) -> str | None:
    if len(merge) != 2 or not all(merge):
        return "is not two tokens with a space between them"
    unknown = [token for token in (*merge, "".join(merge)) if token not in vocabulary]
    if unknown:
        return f"needs the token {unknown[0]!r}, which {VOCABULARY_FILE} does not have"
    if "".join(merge) in special:
        return f"makes the special token {''.join(merge)}, which text must never yield"
    return None


def final_ranks(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> dict[str, int]:
    """The rank of the merge that completes each token of two bytes or more.

    BPE joins, again and again, the adjacent pair of lowest rank (the leftmost of equals). What it
    makes of some bytes does not depend on their neighbours as long as it joins them with none, so
    a token that is ever made is made of its own bytes in just one way, which is played here.

    Returns:
        dict from token to rank; tokens that no text yields are not in it.
    """
    rank_of = {merge: rank for rank, merge in enumerate(merges)}
    ranks = {token: _final_rank(token, rank_of) for token in vocabulary if len(token) > 1}
    return {token: rank for token, rank in ranks.items() if rank is not None}


def _final_rank(token, rank_of) -> int | None:
    symbols, rank = list(token), None
    while len(symbols) > 1:
        pairs = list(zip(symbols, symbols[1:], strict=False))
        best = min(pairs, key=lambda pair: rank_of.get(pair, len(rank_of)))
        if best not in rank_of:
            return None
        rank, place = rank_of[best], pairs.index(best)
        symbols[place : place + 2] = ["".join(best)]
    return rank
