"""One tiny model, exported once, moved, and opened once by the C++ loader."""

import numpy as np
import pytest

from tfzoo import serving, tokenizers
from tfzoo.models import GPT2
from tfzoo.serving import check

TEXT = ["the quick brown fox jumps over the lazy dog. 日本語 text 👍 hello. " * 20]


@pytest.fixture(scope="session", autouse=True)
def few_timed_calls():
    """The check of an export measures all that it does, but not for long."""
    before, check.TIMED_SECONDS = check.TIMED_SECONDS, 0.05
    yield
    check.TIMED_SECONDS = before


@pytest.fixture(scope="session")
def tokenizer():
    return tokenizers.train("byte_pair", TEXT, 270)


@pytest.fixture(scope="session")
def model(tokenizer):
    return GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=tokenizer.vocabulary_size,
        hidden_dim=32,
        max_sequence_length=32,
        initializer_range=0.4,
    )


@pytest.fixture(scope="session")
def exported(model, tokenizer, tmp_path_factory):
    """The SavedModel, in another folder than the one it was written to."""
    folder = tmp_path_factory.mktemp("export")
    version = serving.export(model, tokenizer, folder / "tiny")
    return version.rename(folder / "moved")


@pytest.fixture(scope="session")
def strings():
    """A function from texts to the array of bytes that a string input takes."""

    def to_array(texts):
        return np.array([t if isinstance(t, bytes) else t.encode() for t in texts], object)

    return to_array
