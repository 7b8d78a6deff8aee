"""Models without capitals, as ALBERT's: text is made lower case before they read it."""

import json
import unicodedata

import pytest
import sentencepiece
from adversarial_text import strings
from sentence_piece_models import (
    assert_faces_agree,
    plain_text,
    train,
)

from tfzoo import tokenizers
from tfzoo.tokenizers.lower_case import in_lower_case
from tfzoo.tokenizers.piece_model import PieceModel


@pytest.fixture
def albert(tmp_path):
    """A folder with a model as ALBERT's: learnt from lower case, which it does not make itself."""
    made = train([plain_text(), '"fox" ' * 50], roles=["mask"])
    (tmp_path / "albert").mkdir()
    (tmp_path / "albert" / "spiece.model").write_bytes(made.model)
    return tmp_path / "albert"


def test_a_model_without_capitals_reads_lower_case(albert):
    tokenizer = tokenizers.load(albert)
    texts = ["The QU\u00cfCK ``brown'' \uff26o\u0301x", 'the quick "brown" fox']
    awkward, plain = tokenizer.encode_batch(texts)
    assert awkward == plain
    assert tokenizer.decode_batch([plain]) == [texts[1]]
    assert_faces_agree(tokenizer, [*texts, *strings(2000)])


def test_text_is_made_lower_case_before_the_models_own_rules(albert):
    model = (albert / "spiece.model").read_bytes()
    own = sentencepiece.SentencePieceNormalizer(model_proto=model)
    both = sentencepiece.SentencePieceNormalizer(model_proto=in_lower_case(model))
    korean = ["\ud55c", "\u1112\u1161\u11ab", "\ud558\u11ab", "\u1112\u1161 \u11ab"]
    texts = [text.replace("\0", "") for text in (*korean, *strings(3000))]
    assert [both.normalize(text) for text in texts] == [
        own.normalize(prepared(text)) for text in texts
    ]


def prepared(text):
    """Text as ALBERT's authors prepared it."""
    text = unicodedata.normalize("NFKD", text.replace("``", '"').replace("''", '"'))
    return "".join(c.lower() for c in text if not unicodedata.category(c).startswith("M"))


def test_lower_case_is_saved_and_not_made_twice(albert, tmp_path):
    published = PieceModel.parse((albert / "spiece.model").read_bytes())
    tokenizer = tokenizers.load(albert)
    assert published.charsmap not in tokenizer.model
    for number, made in enumerate([tokenizer, train([plain_text()], roles=["mask"])]):
        made.save(tmp_path / str(number))
        assert tokenizers.load(tmp_path / str(number)).fingerprint == made.fingerprint


@pytest.mark.parametrize("lower_case", [False, True])
def test_the_config_decides_over_lower_case(tmp_path, lower_case):
    made = train([plain_text(), "FOX " * 50], 220, roles=["mask"] if lower_case else ())
    made.save(tmp_path / "saved")
    config = {"do_lower_case": lower_case, "extra_ids": 0}
    (tmp_path / "saved" / "tokenizer_config.json").write_text(json.dumps(config))
    fox, capital = tokenizers.load(tmp_path / "saved").encode_batch(["fox", "FOX"])
    assert (fox == capital) == lower_case


@pytest.mark.slow
def test_a_model_of_albert_reads_as_hugging_face_reads_it(tmp_path, speeches):
    transformers = pytest.importorskip("transformers")
    made = train([speech.lower() for speech in speeches[::4]], 4000, "unigram", roles=["mask"])
    (tmp_path / "spiece.model").write_bytes(made.model)
    peer = transformers.AlbertTokenizer.from_pretrained(str(tmp_path))
    tokenizer = tokenizers.load(tmp_path)
    texts = [speech[:2000] for speech in speeches[1::8]]
    texts += ["\xc9lan ``VITAL'' \ufb01ne \u2460 stra\xdfe", "\u0130stanbul \u03a3\u03a3"]
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
    first, second = texts[:2]
    assert tokenizer.join(first, second).token_ids == peer(first, second)["input_ids"]
