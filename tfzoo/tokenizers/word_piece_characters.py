"""What BERT's normalizer and word splitter do with each character, as their own engine tells.

Tables are int32 arrays over all code points.
"""

import functools
import itertools

import numpy as np
import tokenizers as hf

from tfzoo.tokenizers import every_character

LETTER, SPACE, ALONE = range(3)  # part of a word, between words, a word by itself
SAME = -1  # stands for the character itself
STARTER = 0  # stands for a mark that goes, but over which none is moved; NUL itself is taken out
MOST_RANKS = 255  # as many as Unicode's combining classes
_NUM_CODES = 0x110000
_SEPARATOR = "|"  # what no normalizer changes, and no mark is moved over
_LAST_MARK = "\u0345"  # alone in the highest combining class
_NFD = hf.normalizers.NFD()


def starts_of_runs(table):
    """The places where the values change, int [k], the first place included."""
    return np.flatnonzero(np.append(True, table[1:] != table[:-1]))


@functools.cache
def replacements(lowercase: bool, strip_accents: bool):
    """What becomes of each character, before any mark is moved.

    Returns:
        which: table. Which replacement each code point has.
        codes: int32 [n]. The replacements, one after another: code points, `SAME`, `STARTER`.
        splits: int64 [k + 1]. Where each replacement starts, and the last one ends.
    """
    becomes = _changes(_bert(clean=True, strip_accents=strip_accents, lowercase=lowercase))
    if strip_accents:
        becomes |= _with_starters(becomes)
    which = np.zeros(_NUM_CODES, np.int32)
    places = {(SAME,): 0}
    for character, text in becomes.items():
        which[ord(character)] = places.setdefault(tuple(map(ord, text)), len(places))
    codes = np.fromiter(itertools.chain.from_iterable(places), np.int32)
    return which, codes, np.cumsum([0, *map(len, places)])


@functools.cache
def ranks():
    """The rank of each mark that stays when accents go; 0 for all that no mark is moved over.

    In the canonical order of Unicode a mark stands before those of higher rank that follow the same
    letter. Nearly all such marks are accents, and go; some musical and tone marks stay.
    """
    stay = sorted(_moved_marks() - _accents().keys())
    table = np.zeros(_NUM_CODES, np.int32)
    for mark in stay:
        after = (other for other in stay if _NFD.normalize_str(mark + other) != mark + other)
        table[ord(mark)] = 1 + len(list(after))
    return table


@functools.cache
def classes(split_chinese: bool):
    """`LETTER`, `SPACE` or `ALONE` for each character that the normalizer leaves."""
    table = np.full(_NUM_CODES, SPACE, np.int32)
    split = hf.pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    words = [word for block in every_character.blocks() for word, _ in split(block)]
    table[_codes(words)] = LETTER
    words = [word for word, _ in split("".join("a" + word for word in words if len(word) == 1))]
    table[_codes(word for word in words if len(word) == 1 and word != "a")] = ALONE
    if split_chinese:
        table[_codes(_changes(_bert(chinese=True)))] = ALONE
    return table


def _with_starters(becomes):
    """The replacements that need a `STARTER`: of marks that go, and of what is made with them."""
    decomposed = _changes(_NFD)
    accents = {c for c, text in _accents().items() if not text}
    starters = accents - decomposed.keys() - _moved_marks()
    return dict.fromkeys(starters, "\0") | {
        c: "".join("\0" if part in starters else becomes.get(part, part) for part in text)
        for c, text in decomposed.items()
        if not starters.isdisjoint(text)
    }


@functools.cache
def _moved_marks() -> set[str]:
    """The characters that the canonical order moves: those of a combining class other than 0."""
    behind = _changes(_NFD, before=_LAST_MARK)
    return {_LAST_MARK} | {c for c, text in behind.items() if text[0] != _LAST_MARK}


def _bert(*, clean=False, chinese=False, strip_accents=False, lowercase=False):
    return hf.normalizers.BertNormalizer(clean, chinese, strip_accents, lowercase)


def _codes(texts):
    return np.frombuffer("".join(texts).encode("utf-32-le"), "<u4")


def _changes(normalizer, before="") -> dict[str, str]:
    """What a normalizer makes of each character that it changes, by itself or after a text."""
    found = {}
    for block in every_character.blocks():
        asked = block.replace(_SEPARATOR, "")
        together = before + (_SEPARATOR + before).join(asked)
        answer = normalizer.normalize_str(together)
        if answer != together:
            answers = zip(asked, answer.split(_SEPARATOR), strict=True)
            found |= {text: new for text, new in answers if new != before + text}
    return found


@functools.cache
def _accents() -> dict[str, str]:
    """What becomes of each character that has an accent, or is one."""
    return _changes(_bert(strip_accents=True))
