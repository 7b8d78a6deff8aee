"""A model too small to wait for, with opinions strong enough to tell right from wrong."""

import keras
import pytest

from tfzoo.generation import Decoder, Writer
from tfzoo.models import GPT2

END_OF_TEXT = 49


@pytest.fixture(scope="session")
def model():
    keras.utils.set_random_seed(0)  # It is made before any test's own seed is set.
    return GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=50,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        max_sequence_length=24,
        initializer_range=0.6,
    )


@pytest.fixture(scope="session")
def decoder(model):
    return Decoder(Writer(model, END_OF_TEXT))
