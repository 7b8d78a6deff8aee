"""What goes on with a prompt is the same text however it is asked for, its first space included."""

import keras
import numpy as np
import pytest

from tfzoo import serving, tokenizers
from tfzoo.language_model import LanguageModel
from tfzoo.models import GPT2
from tfzoo.serving import cpp_loader

TEXT = ["the quick brown fox jumps over the lazy dog and the other fox. "] * 40
PROMPTS = ["the quick", "dog and the", ""] * 6
SEEDS = list(range(len(PROMPTS)))


@pytest.mark.slow
@pytest.mark.parametrize("kind, size", [("sentence_piece", 160), ("word_piece", 60)])
def test_generate_stream_and_the_export_give_one_text(kind, size, strings, tmp_path):
    keras.utils.set_random_seed(0)
    tokenizer = tokenizers.train(kind, TEXT, size)
    sizes = {"vocabulary_size": tokenizer.vocabulary_size, "hidden_dim": 16, "num_layers": 1}
    model = GPT2.from_preset("gpt2_tiny", max_sequence_length=32, **sizes)
    trained = LanguageModel(model, tokenizer)
    texts = trained.generate(PROMPTS, max_new_tokens=4, seed=SEEDS)
    rows = zip(PROMPTS, SEEDS, strict=True)
    assert texts == ["".join(trained.stream(p, max_new_tokens=4, seed=s)) for p, s in rows]
    request = {
        "prompts": strings(PROMPTS),
        "max_new_tokens": np.int32([4]),
        "seed": np.int64(SEEDS),
    }
    folder = serving.export(model, tokenizer, tmp_path / "tiny")
    _, [answer] = cpp_loader.call(folder, [("generate", request)])
    assert [text.decode() for text in answer["completions"]] == texts
    spaced = [text.startswith(" ") for text in texts]
    assert any(spaced[0::3]) and any(spaced[1::3])  # A word after a word.
    assert not any(spaced[2::3])  # Nothing stands before it.
