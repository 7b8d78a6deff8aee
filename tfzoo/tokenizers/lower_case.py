"""SentencePiece models that read text in lower case and without accents, as ALBERT's does.

ALBERT's text was prepared before SentencePiece saw it (Lan et al. 2020, arXiv:1909.11942): quotes
made of two signs became one, characters were decomposed (NFKD), marks left out, letters made small.
Here these steps go into the model's own rules for characters, so that both faces of the tokenizer
take them, at no cost. (Letters of one Korean syllable with marks between them stay apart.)
"""

import io
import tempfile
import unicodedata

import sentencepiece

from tfzoo.tokenizers.piece_model import PieceModel

_QUOTES = {"``": '"', "''": '"'}
_APART = "\ue000"  # for private use: no rule touches it
_CODES = (*range(1, 0xD800), *range(0xE001, 0x30000), *range(0xE0000, 0xE1000))  # of all rules


def in_lower_case(model: bytes) -> bytes:
    """The model with rules that rewrite text as ALBERT's preparation and the model's own rules do.

    Args:
        model: bytes. The content of a model file.
    """
    texts = [*map(chr, _CODES), *_parts_of_syllables()]
    rules = {old: new for old, new in zip(texts, _rewritten(model, texts), strict=True)}
    changes = {old: new for old, new in rules.items() if old != new}
    return PieceModel.parse(model).with_charsmap(_compiled(_QUOTES | changes)).to_bytes()


def _parts_of_syllables():
    """The letters of each Korean syllable, and a syllable and its last letter."""
    for syllable in map(chr, range(0xAC00, 0xD7A4)):
        letters = unicodedata.normalize("NFD", syllable)
        yield letters
        if len(letters) == 3:
            yield unicodedata.normalize("NFC", letters[:2]) + letters[2]


def _rewritten(model: bytes, texts: list[str]) -> list[str]:
    """Each text as the preparation and then the model's own rules rewrite it."""
    marks = {code: None for code in _CODES if unicodedata.category(chr(code)).startswith("M")}
    joined = unicodedata.normalize("NFKD", _APART.join(texts)).translate(marks).lower()
    own = sentencepiece.SentencePieceNormalizer(model_proto=model)  # leaves spaces alone
    return own.normalize(joined).split(_APART)


def _compiled(rules: dict[str, str]) -> bytes:
    """The rules as a model file has them."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(f"{_codes(old)}\t{_codes(new)}\n" for old, new in rules.items())
        file.flush()
        sentencepiece.SentencePieceTrainer.train(  # only training compiles rules
            sentence_iterator=iter(["a"]),
            model_writer=model,
            vocab_size=10,
            hard_vocab_limit=False,
            normalization_rule_tsv=file.name,
            minloglevel=2,
        )
    return PieceModel.parse(model.getvalue()).charsmap


def _codes(text: str) -> str:
    return " ".join(f"{ord(character):X}" for character in text)
