"""An export that does not answer as Python does is not put in place, and nothing is left of it."""

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.signature_contract import tiny
from tfzoo import serving, tokenizers
from tfzoo.models import GPT2
from tfzoo.serving import saved_model, variants
from tfzoo.serving.check import CheckFailed

save = saved_model._save


@pytest.fixture
def small(tokenizer):
    """A model of its own for each test, which may spoil it."""
    sizes = {"hidden_dim": 16, "num_layers": 1, "max_sequence_length": 32, "initializer_range": 0.4}
    return GPT2.from_preset("gpt2_tiny", vocabulary_size=tokenizer.vocabulary_size, **sizes)


@pytest.fixture
def embedding():
    """What has the fewest signatures to check: an encoder that gives a vector of a text."""
    return tiny("distilbert_base_cased", "bytes", "sentence_embedding")


def refused(model, tokenizer, folder, match, variants=("float32",), **learnt):
    with pytest.raises(CheckFailed, match=match) as raised:
        serving.export_variants(model, tokenizer, folder / "m", variants, **learnt)
    assert "--export_dir=" in str(raised.value)
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_a_spoilt_file_of_weights(small, tokenizer, monkeypatch, tmp_path):
    def save_and_spoil(served, folder):
        save(served, folder)
        [path] = (saved_model.Path(folder) / "variables").glob("variables.data-*")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 64
        path.write_bytes(content)

    monkeypatch.setattr(saved_model, "_save", save_and_spoil)
    refused(small, tokenizer, tmp_path, "float32: it cannot be loaded and called")


def test_weights_that_are_not_those_of_the_model(embedding, monkeypatch, tmp_path):
    def save_others(served, folder):
        weight = embedding.model.weights[0]
        before = weight.numpy()
        weight.assign(before * 2)
        save(served, folder)
        weight.assign(before)

    monkeypatch.setattr(saved_model, "_save", save_others)
    message = "`embed` gives embeddings that are up to .* from Python's"
    refused(embedding.model, embedding.tokenizer, tmp_path, message, **embedding.learnt)


@pytest.mark.slow
def test_a_signature_that_gives_something_else(small, tokenizer, monkeypatch, tmp_path):
    def save_changed(served, folder):
        score = served.functions["score"]

        @tf.function(input_signature=score.input_signature, autograph=False)
        def changed(texts):
            answer = score(texts)
            return {**answer, "num_tokens": answer["num_tokens"] + 1}

        functions, served.functions = served.functions, {**served.functions, "score": changed}
        save(served, folder)
        served.functions = functions

    monkeypatch.setattr(saved_model, "_save", save_changed)
    refused(small, tokenizer, tmp_path, "float32: `score` gives other num_tokens than Python")


@pytest.mark.slow
def test_weights_that_are_not_finite(small, tokenizer, tmp_path):
    kernel = next(weight for weight in small.weights if weight.path.endswith("/kernel"))
    kernel.assign(kernel.numpy() * np.nan)
    refused(small, tokenizer, tmp_path, "`logits` gives logits that are not finite")


@pytest.mark.slow
def test_a_variant_that_is_far_from_float32(small, tokenizer, monkeypatch, tmp_path):
    """It answers in the loader as in Python, and yet is refused, and float32 with it."""
    monkeypatch.setattr(
        variants.Int8, "value", lambda self: tf.cast(self.kept, "float32") * self.scales * 3
    )
    refused(small, tokenizer, tmp_path, "int8: .* from float32's", ("float32", "int8"))


@pytest.mark.slow
def test_what_stood_there_before_stays(small, tmp_path):
    tokenizer = tokenizers.train("bytes", [], 257)
    kernel = small.weights[0]
    kernel.assign(kernel.numpy() * np.nan)
    (tmp_path / "m" / "1").mkdir(parents=True)
    with pytest.raises(CheckFailed):
        serving.export(small, tokenizer, tmp_path / "m")
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["1"]
