"""A mask that is typed is the mask, and the text around it is read as it was in training."""

import pytest

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import masked_text

ROLES = ("start", "separator", "padding", "mask")
TEXT = ["the quick brown fox jumps over the lazy dog. " * 20]


@pytest.mark.parametrize("kind", ["byte_pair", "sentence_piece", "word_piece", "bytes"])
def test_a_mask_in_place_of_a_word_is_the_ids_with_the_word_replaced(kind):
    roles = () if kind == "word_piece" else ROLES
    tokenizer = tokenizers.train(kind, TEXT, 290, roles=roles)
    token, mask = masked_text.mask_token(tokenizer), tokenizer.special("mask")
    space = "" if masked_text.takes_space(tokenizer) else " "
    before, after = tokenizer.encode_batch(["the" + space, " fox jumps"])
    if kind != "bytes":
        [whole] = tokenizer.encode_batch(["the quick fox jumps"])
        assert whole[: len(before)] == before and whole[-len(after) :] == after
    found = masked_text.encode(tokenizer, [f"the {token} fox jumps", "the", token * 2, ""])
    assert found == [[*before, mask, *after], tokenizer.encode_batch(["the"])[0], [mask, mask], []]


def test_a_tokenizer_without_a_mask_is_refused():
    with pytest.raises(UsageError, match="a token for the role of mask"):
        masked_text.encode(tokenizers.train("bytes", [], 257), ["the"])
