"""Special tokens of the kinds that have none but end-of-text unless they are asked for."""

import pytest

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers.specials import ADDED

TEXT = ["some words and some more words"]
KINDS = ("byte_pair", "bytes", "characters")
BEFORE_ROLES = {  # what files on disk have: tokenizers made before there were roles
    "byte_pair": "8f277be6e5cfef75a441aaabd1c4d94f83e8cfdbb13bb92f39f58585cf164c17",
    "bytes": "1eaada06bc3ef8a3efd397ffb63385464984717db9e10b5a05bc58cb85af8cd2",
    "characters": "a6756f3f039fe745ac96d68422fb74cf7899f713fc10287115a32bdfba260131",
}


@pytest.mark.parametrize("kind", KINDS)
def test_without_roles_the_files_are_what_they_were(kind):
    assert tokenizers.train(kind, TEXT, 262).fingerprint == BEFORE_ROLES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_roles_add_ids_at_the_end_and_change_no_others(kind):
    plain = tokenizers.train(kind, TEXT, 262)
    size = plain.vocabulary_size
    framed = tokenizers.train(kind, TEXT, size + 3, roles=["mask", *ADDED])
    last = {"end_of_text": size - 1, "start": size, "padding": size + 1, "separator": size - 1}
    last["mask"] = size + 2
    assert {role: framed.special_ids[role] for role in last} == last
    assert framed.vocabulary_size == size + 3
    assert framed.encode_batch(TEXT) == plain.encode_batch(TEXT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_roles_are_as_good_as_all(kind):
    tokenizer = tokenizers.train(kind, TEXT, 300, roles=("mask",))
    assert tokenizer.special_tokens == {"end_of_text": "<|endoftext|>", "mask": "<mask>"}
    assert tokenizer.special("mask") == tokenizer.vocabulary_size - 1


def test_roles_beside_which_no_text_fits_are_refused():
    with pytest.raises(UsageError, match="at least 260.*--vocabulary_size=259"):
        tokenizers.train("byte_pair", TEXT, 259, roles=ADDED)
    with pytest.raises(UsageError, match="at least 6.*--vocabulary_size=5"):
        tokenizers.train("characters", TEXT, 5, roles=ADDED)


def test_a_role_that_nobody_plays_is_refused():
    with pytest.raises(ValueError, match="start, padding, separator, mask.*juggler"):
        tokenizers.train("bytes", TEXT, 300, roles=("juggler",))


def test_two_files_of_roberta_are_enough(tmp_path):
    tokenizer = tokenizers.train("byte_pair", TEXT, 280, roles=ADDED)
    tokenizer.save(tmp_path / "roberta")
    (tmp_path / "roberta" / "tfzoo_tokenizer.json").unlink()
    assert tokenizers.load(tmp_path / "roberta").special_ids == tokenizer.special_ids


def test_words_of_byte_pair_begin_with_white_space():
    tokenizer = tokenizers.train("byte_pair", TEXT, 280)
    starts = {
        piece
        for piece, start in zip(tokenizer.token_bytes, tokenizer.word_starts, strict=True)
        if start
    }
    assert {b" ", b"\n", b" wor", b""} <= starts
    assert not starts & {b"s", b"w", b"."}
