"""An evaluation predicts every token of a store but the first, each once."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import data, evaluation, tasks, tokenizers
from tfzoo.errors import UsageError
from tfzoo.models import GPT2

TEXT = "Four score and seven years ago our fathers brought forth a new nation. é"


CONTEXT = 16


@pytest.fixture(scope="module")
def model():
    return GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=257,
        hidden_dim=16,
        max_sequence_length=CONTEXT,
        initializer_range=0.5,
    )


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.train("bytes", [], 257)


@pytest.fixture
def store(tmp_path, tokenizer):
    return store_of(TEXT, tokenizer, tmp_path)


def store_of(text, tokenizer, folder):
    (folder / "text.txt").write_text(text)
    source = data.open_source(text_files=[str(folder / "text.txt")])
    return data.build_whole_store(source, tokenizer, data_dir=str(folder), progress=False)


@pytest.mark.parametrize("batch_size", [None, pytest.param(1, marks=pytest.mark.slow), 3])
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


def nats_of(model, stream, stride):
    """Token by token, each from what its window holds of the tokens before it."""
    nats = []
    for target in range(1, len(stream)):
        windows_before = max(0, -(-(target - CONTEXT) // stride))
        read = stream[windows_before * stride : target]
        assert len(read) > CONTEXT - stride or len(read) == target
        assert len(read) <= CONTEXT
        logits = model(tf.constant([read], tf.int32))[0, -1].numpy().astype(float)
        nats.append(np.log(np.exp(logits).sum()) - logits[stream[target]])
    return nats


@pytest.mark.parametrize(
    ("stride", "batch_size"),
    [
        (5, None),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 7), (12, 2), (CONTEXT, 3))),
    ],
)
def test_with_a_stride_each_token_is_predicted_once_from_its_window(
    model, tokenizer, store, stride, batch_size
):
    task = tasks.TASKS["causal_lm"](tokenizer=tokenizer)
    score = evaluation.evaluate(model, task, store, batch_size=batch_size, stride=stride)
    nats = nats_of(model, store.read(0, store.num_tokens), stride)
    assert score.num_targets == len(nats) == store.num_tokens - 1
    assert score.loss == pytest.approx(np.mean(nats), rel=1e-5)
    bits = np.sum(nats) / math.log(2)
    assert score.results["bits_per_byte"] == pytest.approx(bits / len(TEXT.encode()), rel=1e-5)


@pytest.mark.slow
def test_a_stride_of_the_context_is_none(model, tokenizer, store):
    task = tasks.TASKS["causal_lm"](tokenizer=tokenizer)
    without = evaluation.evaluate(model, task, store)
    assert evaluation.evaluate(model, task, store, stride=CONTEXT).results == without.results


@pytest.mark.parametrize(
    ("task", "stride", "message"),
    [
        ("causal_lm", 0, "--stride must be from 1 to the 16 tokens"),
        ("causal_lm", CONTEXT + 1, "Received: 17"),
        ("masked_lm", 1, "--stride is for runs of --task=causal_lm"),
    ],
)
def test_a_stride_that_cannot_be_is_refused(model, tokenizer, store, task, stride, message):
    with pytest.raises(UsageError, match=message):
        evaluation.evaluate(
            model, tasks.TASKS[task](tokenizer=tokenizer), store, batch_size=1, stride=stride
        )


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("masked_lm", "A row takes 14 tokens of text, and the text has 4."),
        ("bert", "Pairs of spans are taken from at least two documents .* Received: 0 of them."),
    ],
)
def test_too_short_a_text_is_mended_by_a_longer_one(model, tmp_path, task, fault):
    """The flags of the training, which are the remedies there, are none of an evaluation's."""
    roles = ("padding", "start", "separator", "mask")
    tokenizer = tokenizers.train("bytes", [], 0, roles=roles)
    store, task = store_of("ab", tokenizer, tmp_path), tasks.TASKS[task](tokenizer=tokenizer)
    told = f"^--text_files: {fault} Give more files, or longer ones.$"
    with pytest.raises(UsageError, match=told):
        evaluation.evaluate(model, task, store)
