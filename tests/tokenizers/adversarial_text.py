"""Strings that tear tokenizers apart, the same ones in every run."""

import random

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
NOT_QUITE_SPACES = "\x1c\x1f\u180e\u200b\u2060\ufeff"
APOSTROPHES = ["'", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "’s", "'r", "'l", "''"]
LETTERS = "aZsldtmvreßéЖяλ中字한ع ı\U0001e900\U000105c0\U0002ebf0\U000323af\u1c89\ua7cb"
NUMBERS = "0123456789²½Ⅻ٣๙〇\U0001d7d8\U00011de0\U00016d70"
MARKS = "\u0301\u0308\u20e3\u200d\ufe0f\U000e0067\u0e31\u093f"
EMOJI = ["👍🏽", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "❤️", "\U0001fadf"]
ODD = ["\x00", "\x01", "\x7f", "\ufffd", "\ufffe", "\uffff", "\ufdd0", "\U0010fffe", "\U0010ffff"]
ODD += ["\ue000", "\U000f0000", "▁", "Ġ", "\u2047", "<|endoftext|>", "<unk>", "<s>", "##", "\\s+"]
BROKEN = [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x91", b"\xed\xa0\x80", b"\xc0\xaf"]
BROKEN += [b"\xe0\x80\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xff", b"\xc2 "]

PARTS = [*SPACES, *NOT_QUITE_SPACES, *APOSTROPHES, *LETTERS, *NUMBERS, *MARKS, *EMOJI, *ODD]
PARTS += list('.,!?-_()[]{}#*/\\"`~@$%^&|<>=+') + [" " * 7, "\n\n", " \n ", "the", " and", "word"]


def strings(count: int, longest: int = 30, seed: int = 0) -> list[str]:
    """Random strings of awkward parts, some drawn from a few parts only, so that they repeat."""
    draw = random.Random(seed)
    found = ["", " ", "\x00", "'", "'s", " 's", "a\x00b", "  a", "a  ", "\t 's", "\U0010ffff a"]
    while len(found) < count:
        parts = draw.choices(PARTS, k=draw.choice([2, 3, 5, len(PARTS)]))
        found.append("".join(draw.choices(parts, k=draw.randint(1, longest))))
    return found[:count]


def invalid(count: int, seed: int = 0) -> list[bytes]:
    """Byte strings that are not UTF-8: broken sequences between characters, and pure noise."""
    draw = random.Random(seed)
    parts = [*BROKEN, *BROKEN, *(part.encode() for part in PARTS)]
    mixed = [b"".join(draw.choices(parts, k=draw.randint(1, 12))) for _ in range(count)]
    noise = [bytes(draw.choices(range(256), k=draw.randint(1, 12))) for _ in range(count)]
    torn = [text.encode()[1:-1] for text in strings(count, seed=seed)]
    return [*BROKEN, *mixed, *noise, *torn]
