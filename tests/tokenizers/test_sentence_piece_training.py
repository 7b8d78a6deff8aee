"""What SentencePiece learns from text, and how."""

import pytest
from adversarial_text import strings
from sentence_piece_models import WORDS, pieces_of, plain_text, train

from tfzoo import tokenizers
from tfzoo.errors import UsageError


@pytest.fixture(scope="module")
def tokenizer():
    return train()


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_training_is_deterministic(algorithm):
    documents = strings(1000, seed=6)
    first, second = (train(iter(documents), 500, algorithm=algorithm) for _ in range(2))
    assert first.fingerprint == second.fingerprint


def test_training_reads_once_and_tells_how_far_it_is():
    told = []
    tokenizers.train("sentence_piece", iter(["one two", b"three \xff", "four"]), 120, told.append)
    assert told == [7, 14, 18]


def test_frequent_words_become_pieces(tokenizer):
    pieces = {piece.text for piece in pieces_of(tokenizer)}
    assert {f"\u2581{word}" for word in WORDS} <= pieces


def test_a_vocabulary_too_small_for_the_characters_is_refused():
    with pytest.raises(UsageError, match="--vocabulary_size=110") as error:
        train(vocabulary_size=110)
    least = int(str(error.value).split("at least ")[1].split()[0])
    assert train(vocabulary_size=least).vocabulary_size == least
    with pytest.raises(UsageError, match="--vocabulary_size=1"):
        train(vocabulary_size=1)


@pytest.mark.parametrize("documents", [[], ["", " \n\t "]])
def test_text_without_characters_is_refused(documents):
    with pytest.raises(UsageError, match="no characters"):
        train(documents)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_a_text_too_small_for_the_vocabulary_is_told(algorithm, caplog):
    tokenizer = train(["ab ab"], 5000, algorithm=algorithm)
    assert tokenizer.vocabulary_size < 120
    assert f"{tokenizer.vocabulary_size} pieces" in caplog.text
    assert "--vocabulary_size=5000" in caplog.text


def test_of_long_texts_a_sample_is_learnt_in_bounded_memory(monkeypatch, caplog):
    monkeypatch.setattr("tfzoo.tokenizers.sentence_piece_training._MAX_CHARACTERS", 5000)
    seen = []

    def lines():
        for number in range(3000):
            seen.append(number)
            yield f"{plain_text(10, number)}\n"

    first, second = train(lines()), train(lines())
    assert len(seen) == 6000
    assert first.fingerprint == second.fingerprint
    assert "sample" in caplog.text
    assert f"\u2581{WORDS[0]}" in {piece.text for piece in pieces_of(first)}


@pytest.mark.parametrize("run", ["acgt" * 50_000, "word " * 50_000])
def test_long_lines_are_learnt_whole(run):
    tokenizer = train([run], 200, algorithm="bpe")
    assert max(len(piece.text) for piece in pieces_of(tokenizer)[3:]) >= 5


@pytest.mark.parametrize("reserved", ["\t", " \u2585 "])
def test_lines_with_what_the_trainer_reserves_are_learnt(reserved):
    assert train([plain_text().replace(" ", reserved)]).encode_batch(["fox"]) == (
        train([plain_text()]).encode_batch(["fox"])
    )


@pytest.mark.parametrize(
    ("option", "value"), [("algorithm", "word"), ("normalization", "nfc"), ("roles", ["juggler"])]
)
def test_an_unknown_option_is_refused(option, value):
    with pytest.raises(ValueError, match=f"`{option}` must be"):
        train(**{option: value})
