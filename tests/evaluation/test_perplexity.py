"""An evaluation predicts every token of a store but the first, each once."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import data, evaluation, tasks, tokenizers
from tfzoo.models import GPT2

TEXT = "Four score and seven years ago our fathers brought forth a new nation. é"


@pytest.fixture(scope="module")
def model():
    return GPT2.from_preset("gpt2_tiny", vocabulary_size=257, hidden_dim=16, max_sequence_length=16)


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.train("bytes", [], 257)


@pytest.fixture
def store(tmp_path, tokenizer):
    (tmp_path / "text.txt").write_text(TEXT)
    source = data.open_source(text_files=[str(tmp_path / "text.txt")])
    return data.build_whole_store(source, tokenizer, data_dir=str(tmp_path), progress=False)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_it_is_the_likelihood_of_the_stream(model, tokenizer, store, batch_size):
    task = tasks.TASKS["causal_lm"](tokenizer=tokenizer)
    score = evaluation.evaluate(model, task, store, batch_size=batch_size)
    stream = store.read(0, store.num_tokens)
    assert stream[0] == tokenizer.end_of_text
    tokens = tf.RaggedTensor.from_tensor(np.array([stream[1:]], np.int32))
    [nats], [count] = evaluation.log_likelihood(model, tokens, tokenizer.end_of_text)
    assert score.num_targets == count == len(TEXT.encode()) + 1
    assert score.loss == pytest.approx(-float(nats) / int(count), rel=1e-5)
    assert score.results["perplexity"] == pytest.approx(math.exp(score.loss))
    bits = -float(nats) / math.log(2)
    assert score.results["bits_per_byte"] == pytest.approx(bits / len(TEXT.encode()), rel=1e-5)
