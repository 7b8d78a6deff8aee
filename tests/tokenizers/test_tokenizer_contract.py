"""All laws, for all kinds."""

import pytest
from adversarial_text import strings
from tokenizer_contract import LAWS

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


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    """One of each kind, trained on other awkward strings than the ones it is tested on."""
    kind, options = KINDS[request.param]
    return tokenizers.train(kind, strings(3000, seed=1)[::2], vocabulary_size=600, **options)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(tokenizer, law, tmp_path):
    law(tokenizer, tmp_path / "folder")
