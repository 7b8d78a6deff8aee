"""What WordPiece learns from text, and how."""

import subprocess
import sys

import pytest
from adversarial_text import strings

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers.word_piece import WordPieceTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer.train(strings(3000, seed=2), 1000)


def test_training_joins_the_most_frequent_pair_first():
    tokenizer = WordPieceTokenizer.train(["xyz xyz zw zw zw zw zw zw xyw"], 5 + 14)
    letters = ["w", "x", "y", "z", "##w", "##y", "##z"]
    assert tokenizer.tokens[5:] == [*letters, "zw", "xy", "xyz"]


@pytest.mark.slow
def test_training_gives_the_same_in_every_process(tokenizer):
    code = "from adversarial_text import strings; from tfzoo import tokenizers; "
    code += "print(tokenizers.train('word_piece', strings(3000, seed=2), 1000).fingerprint)"
    paths = f"import sys; sys.path[:0] = {sys.path!r}; "
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == tokenizer.fingerprint


def test_training_keeps_case_and_accents_if_so_wished():
    text = ["Éa Éa éa"] * 5
    for options, known in (
        ({}, {"ea"}),
        ({"lowercase": False}, {"Éa", "éa"}),
        ({"strip_accents": False}, {"éa"}),
        ({"lowercase": False, "strip_accents": True}, {"Ea", "ea"}),
    ):
        tokenizer = tokenizers.train("word_piece", text, 50, **options)
        assert known <= set(tokenizer.tokens)
        [ids] = tokenizer.encode_batch(["Éa"])
        assert len(ids) == 1 and ids != [1]


def test_characters_take_half_of_the_places_at_most():
    text = ["".join(map(chr, range(0x4E00, 0x4E80)))] + ["一丁 word word"] * 2
    tokenizer = WordPieceTokenizer.train(text, 25)
    characters_ = [token for token in tokenizer.tokens[5:] if len(token.removeprefix("##")) == 1]
    assert len(characters_) <= 10 and {"一", "丁", "w", "##o"} <= set(characters_)


def test_training_reads_once_and_tells_how_far_it_is():
    told = []
    WordPieceTokenizer.train(iter(["one two", b"three \xff", "four"]), 40, told.append)
    assert told == [7, 14, 18]


def test_too_small_a_vocabulary_or_no_text_is_refused():
    with pytest.raises(UsageError, match="at least 9 .*--vocabulary_size=8"):
        tokenizers.train("word_piece", ["some text"], 8)
    with pytest.raises(UsageError, match="no words"):
        tokenizers.train("word_piece", [" \x00", b"\xff"], 100)


def test_a_text_too_small_for_the_vocabulary_is_told(caplog):
    assert tokenizers.train("word_piece", ["ab ab"], 5000).vocabulary_size == 9
    assert "4 pieces" in caplog.text and "--vocabulary_size" in caplog.text


def test_words_too_long_for_encoding_are_not_learnt_from():
    tokenizer = WordPieceTokenizer.train(["x" * 200_000, "ab ab"], 100)
    assert tokenizer.tokens[5:] == ["a", "b", "##b", "ab"]
