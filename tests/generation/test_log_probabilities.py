"""What is told of how likely each token was is what full passes say."""

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import END_OF_TEXT, PROMPTS, sampling
from tfzoo.generation import Writer, generate

HOW = {
    "temperature": [0.0, 0.7, 1.5, 1.0, 1.0],
    "top_k": [0, 5, 0, 0, 1],
    "seed": range(5),
    "repetition_penalty": [1.0, 1.4, 1.0, 1.0, 1.0],
}


def by_full_passes(model, prompt, tokens):
    row = [*(prompt or [END_OF_TEXT]), *tokens]
    logits = tf.nn.log_softmax(model(tf.constant([row]))[0]).numpy()
    return logits[np.arange(len(row) - len(tokens), len(row)) - 1, tokens]


def in_a_plain_graph(model, options):
    @tf.function(autograph=False)
    def run():
        prompts = tf.ragged.constant(PROMPTS, dtype=tf.int32, ragged_rank=1)
        how = tf.nest.map_structure(tf.constant, options)
        return generate(Writer(model, END_OF_TEXT), prompts, how, scored=True)

    return list(zip(*(values.to_list() for values in run()), strict=True))


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_they_are_those_of_full_passes(model, decoder, compiled):
    options = sampling(5, [9, 0, 14, 3, 8], **HOW)
    if compiled:
        found = decoder.generate_scored(PROMPTS, options)
    else:
        found = in_a_plain_graph(model, options)
    for prompt, (tokens, scores) in zip(PROMPTS, found, strict=True):
        assert len(tokens) == len(scores)
        if tokens:
            expected = by_full_passes(model, prompt, tokens)
            np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert min(min(scores, default=0) for _, scores in found) < -1


@pytest.mark.slow
def test_to_tell_them_changes_no_token(decoder):
    options = sampling(5, [9, 0, 14, 3, 8], **HOW)
    found = decoder.generate_scored(PROMPTS, options)
    assert [tokens for tokens, _ in found] == decoder.generate(PROMPTS, options)


@pytest.mark.slow
def test_the_plain_graph_tells_the_same(model, decoder):
    options = sampling(5, [9, 0, 14, 3, 8], **HOW)
    compiled = decoder.generate_scored(PROMPTS, options)
    for (row, values), (one, its) in zip(in_a_plain_graph(model, options), compiled, strict=True):
        assert row == one
        assert values == pytest.approx(its, abs=1e-5)
