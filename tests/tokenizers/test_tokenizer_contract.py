"""All laws, for all kinds."""

import pytest
from adversarial_text import strings
from tokenizer_contract import LAWS

from tfzoo import tokenizers


@pytest.fixture(scope="module", params=tokenizers.TOKENIZERS)
def tokenizer(request):
    """One of each kind, trained on other awkward strings than the ones it is tested on."""
    return tokenizers.train(request.param, strings(3000, seed=1)[::2], vocabulary_size=600)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(tokenizer, law, tmp_path):
    law(tokenizer, tmp_path / "folder")
