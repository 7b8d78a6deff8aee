"""One tiny model, written once."""

import os

import keras
import numpy as np
import pytest
from filelock import FileLock

from tfzoo import tokenizers
from tfzoo.models import GPT2
from tfzoo.serving import check, saved_model
from tfzoo.serving.signatures import ServedModel

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
    keras.utils.set_random_seed(0)  # Its weights are those of the export, whoever made that.
    return GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=tokenizer.vocabulary_size,
        hidden_dim=32,
        max_sequence_length=32,
        initializer_range=0.4,
    )


@pytest.fixture(scope="session")
def exported(model, tokenizer, tmp_path_factory):
    """A version as it is written, before any check of it: made by one process of this run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # That of all processes of this run.
    folder /= "export"
    with FileLock(f"{folder}.lock"):
        if not (folder / "1").exists():
            folder.mkdir()
            aside = folder / "aside"
            saved_model.write_version(ServedModel(model, tokenizer), aside, "tiny", ["tiny"])
            aside.rename(folder / "1")
    return folder / "1"


@pytest.fixture(scope="session")
def strings():
    """A function from texts to the array of bytes that a string input takes."""

    def to_array(texts):
        return np.array([t if isinstance(t, bytes) else t.encode() for t in texts], object)

    return to_array
