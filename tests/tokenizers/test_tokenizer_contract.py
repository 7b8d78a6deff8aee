"""All laws, for all kinds."""

import functools

import pytest
from adversarial_text import strings
from tokenizer_contract import each_law

from tfzoo import tokenizers
from tfzoo.tokenizers.specials import ADDED

LOSSLESS = {"byte_fallback": True, "normalization": "identity"}
KINDS = {kind: (kind, {}) for kind in tokenizers.TOKENIZERS} | {
    f"{kind}_with_roles": (kind, {"roles": ADDED}) for kind in ("byte_pair", "bytes", "characters")
}
KINDS |= {
    "sentence_piece_bpe": ("sentence_piece", {"algorithm": "bpe"}),
    "sentence_piece_with_roles": ("sentence_piece", {"roles": ADDED}),
    "sentence_piece_lossless": ("sentence_piece", LOSSLESS),
}


LIKE_OTHERS = {
    *("bytes_with_roles", "characters", "sentence_piece"),
    *("sentence_piece_bpe", "sentence_piece_lossless"),
}


@functools.cache
def trained(name):
    """One of each kind, trained on other awkward strings than the ones it is tested on."""
    kind, options = KINDS[name]
    return tokenizers.train(kind, strings(3000, seed=1)[::2], vocabulary_size=600, **options)


@pytest.mark.parametrize(("name", "law"), each_law(KINDS, like_others=LIKE_OTHERS))
def test_law(name, law, tmp_path):
    law(trained(name), tmp_path / "folder")
