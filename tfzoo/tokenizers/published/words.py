"""Where the words of a `tokenizer.json` end, and whether they keep all of the text."""

import json
import re

from tfzoo.tokenizers.byte_pair import WHITE_SPACE
from tfzoo.tokenizers.merges import BYTE_CHARACTERS
from tfzoo.tokenizers.pipelines import LLAMA3_WORDS, QWEN2_WORDS
from tfzoo.tokenizers.published.decoder import step_kinds

NO_BORDER = re.compile("(?!)")
_BORDER = re.compile(f"(?<=[^{WHITE_SPACE}])(?= )")
_SPLITTERS = ("ByteLevel", "BertPreTokenizer", "Digits")  # no word goes on over a border
_CHARACTER_RULES = ("Precompiled", "Nmt", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase")
_KEEPERS = ("Split", "ByteLevel", "Digits")


def is_lossless(pipeline: dict, found) -> bool:
    """Whether decoding gives each text back, letter by letter.

    Args:
        pipeline: dict, the content of `tokenizer.json`.
        found: `published.files.Description`.
    """
    words = pipeline.get("pre_tokenizer")
    return (
        step_kinds(pipeline.get("decoder")) == ["ByteLevel"]
        and "ByteLevel" in step_kinds(words)
        and all(kind in _KEEPERS for kind in step_kinds(words))
        and '"Removed"' not in json.dumps(words)
        and not pipeline.get("normalizer")
        and _adds_no_space(words)
        and set(BYTE_CHARACTERS) <= set(found.tokens)
        and not any(t["lstrip"] or t["rstrip"] for t in found.added if not t["special"])
    )


def border(pipeline: dict, found):
    """A regular expression that matches where text may be cut without a change of its ids.

    That is before a space behind what is no white space, or nowhere: `NO_BORDER`. The arguments
    are those of `is_lossless`.
    """
    others = [token for token in found.added if not token["special"]]
    if any(t["rstrip"] or t["single_word"] or " " in t["content"].strip(" ") for t in others):
        return NO_BORDER
    return _BORDER if _ends_words_at_spaces(pipeline) else NO_BORDER


def last_border(text: bytes, near: int) -> int:
    """The last place in UTF-8 up to `near` where `border` may cut; 0 if there is none."""
    cut = text.rfind(b" ", 1, near + 1)
    while cut > 0 and not _ends_in_a_letter(text[max(0, cut - 4) : cut]):
        cut = text.rfind(b" ", 1, cut)
    return max(cut, 0)


def _ends_words_at_spaces(pipeline):
    rules, words = step_kinds(pipeline.get("normalizer")), pipeline.get("pre_tokenizer")
    kinds, known = step_kinds(words), json.dumps(words)
    if kinds == ["WhitespaceSplit", "Metaspace"]:
        return '"always"' in known and all(rule in _CHARACTER_RULES for rule in rules)
    if rules not in ([], ["NFC"], ["BertNormalizer"]) or not kinds or not _adds_no_space(words):
        return False
    if kinds == ["Split", "ByteLevel"]:
        return any(json.dumps(pattern) in known for pattern in (LLAMA3_WORDS, QWEN2_WORDS))
    return all(kind in _SPLITTERS for kind in kinds) and '"use_regex": false' not in known


def _adds_no_space(words):
    return '"add_prefix_space": true' not in json.dumps(words)


def _ends_in_a_letter(before: bytes) -> bool:
    """Whether the last character of UTF-8 is whole and no white space."""
    text = before.decode("utf-8", "ignore")
    return bool(text) and before.endswith(text[-1].encode()) and not text[-1].isspace()
