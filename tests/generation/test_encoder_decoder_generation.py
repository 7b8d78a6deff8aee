"""Encoder-decoders write by the same loop: each text as full passes of both stacks would."""

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_beam import options, search_in_a_plain_graph
from tests.generation.test_decoding import GREEDY, RANDOM, in_a_plain_graph, only, sampling
from tests.model_contract import SMALL, stirred
from tfzoo import models
from tfzoo.generation import Decoder, Writer

START, END = 0, 1
RNG = np.random.default_rng(8)
SOURCES = [RNG.integers(2, 61, n).tolist() for n in (5, 1, 9)]
LIMIT = 8


PRESETS = ["transformer_tiny", pytest.param("t5_tiny", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=PRESETS)
def model(request):
    return stirred(models.from_preset(request.param, **{**SMALL, "num_layers": 1}))


def writer(model):
    return Writer(model, END, START)


@pytest.fixture(scope="module")
def decoder(model):
    return Decoder(writer(model))


@pytest.fixture(scope="module")
def plain(model):
    return in_a_plain_graph(writer(model))


@pytest.fixture(scope="module")
def plain_search(model):
    return search_in_a_plain_graph(writer(model), 3)


def next_logits(model, source, tokens):
    """By a full pass over source and text, alone."""
    return model(tf.constant([source]), tf.constant([[START, *tokens]]))[0, -1].numpy()


def assert_greedy(model, source, tokens):
    ended = [*tokens, END] if len(tokens) < LIMIT else tokens
    for i, token in enumerate(ended):
        logits = next_logits(model, source, ended[:i])
        assert logits[token] > logits.max() - 1e-4


def test_greedy_is_the_best_of_full_passes(model, plain):
    texts = plain(SOURCES, sampling(3, LIMIT, **GREEDY))
    assert len({tuple(text) for text in texts}) == 3
    for source, tokens in zip(SOURCES, texts, strict=True):
        assert_greedy(model, source, tokens)


@pytest.mark.slow
@pytest.mark.parametrize("how", [GREEDY, RANDOM], ids=["greedy", "random"])
def test_compiled_and_plain_write_the_same(plain, decoder, how):
    given = sampling(3, LIMIT, seed=range(3), **how)
    assert decoder.generate(SOURCES, given) == plain(SOURCES, given)


@pytest.mark.slow
def test_a_cache_in_blocks_writes_the_same(model, plain, monkeypatch):
    monkeypatch.setattr("tfzoo.generation.blocks.SMALLEST", 2)
    monkeypatch.setattr("tfzoo.generation.decoder.SMALL_STEP", 8)
    given = sampling(3, LIMIT, seed=range(3), **RANDOM)
    assert Decoder(writer(model)).generate(SOURCES, given) == plain(SOURCES, given)


def test_a_row_is_what_it_would_be_alone(plain):
    given = sampling(3, [8, 3, 6], seed=range(3), **RANDOM)
    together = plain(SOURCES, given)
    for i, source in enumerate(SOURCES):
        assert plain([source], only(given, i)) == [together[i]]


@pytest.mark.slow
def test_a_search_finds_the_same_alone_and_compiled(plain_search, decoder):
    how = options(3, [8, 3, 6], [1.0, 0.5, 2.0])
    together, scores = plain_search(SOURCES, how)
    compiled, compiled_scores = decoder.search(SOURCES, how, 3)
    assert compiled == together
    np.testing.assert_allclose(compiled_scores, scores, atol=1e-4)
    for i, source in enumerate(SOURCES):
        [alone], [alone_scores] = plain_search([source], only(how, i))
        assert alone == together[i]
        np.testing.assert_allclose(alone_scores, scores[i], atol=1e-4)


def test_the_score_is_that_of_a_full_pass(model, plain_search):
    tokens, scores = plain_search(SOURCES, options(3, LIMIT))
    for source, [row, *_], [score, *_] in zip(SOURCES, tokens, scores, strict=True):
        row = row if len(row) == LIMIT else [*row, END]
        logits = model(tf.constant([source]), tf.constant([[START, *row[:-1]]]))
        nats = tf.gather(tf.nn.log_softmax(logits[0]), row, batch_dims=1)
        assert score == pytest.approx(float(tf.reduce_mean(nats)), abs=1e-4)
