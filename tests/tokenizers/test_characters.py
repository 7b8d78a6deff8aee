"""Characters: which ones get ids, in which order, and what becomes of the others."""

import pytest

from tfzoo import tokenizers
from tfzoo.errors import UsageError


def train(text, vocabulary_size=1000):
    return tokenizers.train("characters", text, vocabulary_size)


def test_ids_are_in_order_of_code_points_then_unknown_then_end_of_text():
    tokenizer = train(["ba", "é👍\x00"])
    assert tokenizer.token_bytes == [
        *(c.encode() for c in ("\x00", "a", "b", "é", "👍")),
        "\ufffd".encode(),
        b"",
    ]
    assert (tokenizer.unknown, tokenizer.end_of_text) == (5, 6)


def test_unknown_characters_share_an_id_and_read_as_replacement():
    tokenizer = train(["abc"])
    ids = tokenizer.encode_batch(["a中z\U0010ffffb", b"\xffa"])
    assert ids == [[0, 3, 3, 3, 1], [3, 0]]
    assert tokenizer.decode_batch(ids) == ["a\ufffd\ufffd\ufffdb", "\ufffda"]


def test_replacement_in_the_text_is_a_character_like_others():
    tokenizer = train([b"a\xff"])
    assert tokenizer.encode_batch(["\ufffd", "z"]) == [[1], [2]]


def test_the_most_frequent_are_kept_when_there_are_too_many():
    tokenizer = train(["dddccba"], vocabulary_size=5)
    assert tokenizer.characters == ["a", "c", "d"]
    assert tokenizer.vocabulary_size == 5


def test_too_small_a_vocabulary_or_no_text_is_refused():
    with pytest.raises(UsageError, match="--vocabulary_size=2"):
        train(["abc"], vocabulary_size=2)
    with pytest.raises(UsageError, match="no characters"):
        train([])
