"""Hundreds of batches of prompts and options of all kinds: each row as it would be alone.

In float32 a row has the same tokens, or a first difference where the choice alone was a close one:
products of other shapes round differently. In bfloat16 how often rows agree is told.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import CONTEXT, END_OF_TEXT, only
from tfzoo.generation import Decoder, Writer, as_sampling, checked_options, loop
from tfzoo.generation.constraints import constrained, history
from tfzoo.models import GPT2

pytestmark = pytest.mark.slow

NUM_BATCHES, LARGEST = 200, 12
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": CONTEXT}
CHOICES = {
    "max_new_tokens": [0, 1, 5, 9, 14, 23],
    "temperature": [0.0, 0.0, 0.5, 1.0, 1.7],
    "top_k": [0, 0, 1, 3, 20],
    "top_p": [1.0, 1.0, 0.9, 0.4],
    "min_p": [0.0, 0.0, 0.05, 0.5],
    "seed": range(2**20),
    "repetition_penalty": [1.0, 1.0, 1.3, 0.8],
    "frequency_penalty": [0.0, 0.0, 0.4, -0.2],
    "no_repeat_ngram_size": [0, 0, 1, 2, 3],
    "min_new_tokens": [0, 0, 2, 30],
    "stop_token_ids": [[], [], [3], [4, 9, 20]],
}


def decoder(dtype):
    keras.utils.set_random_seed(1)
    model = GPT2.from_preset(
        "gpt2_tiny", dtype=dtype, vocabulary_size=50, initializer_range=0.6, **SIZES
    )
    return Decoder(Writer(model, END_OF_TEXT))


def batches():
    rng = np.random.default_rng(11)
    for _ in range(NUM_BATCHES):
        count = int(rng.integers(2, LARGEST + 1))
        prompts = [rng.integers(0, 49, rng.integers(0, 30)).tolist() for _ in range(count)]
        given = {
            name: [values[rng.integers(len(values))] for _ in range(count)]
            for name, values in CHOICES.items()
        }
        yield prompts, as_sampling(checked_options(given, count), [True] * count)


def is_close(one, prompt, options, tokens):
    """Whether logits within 1e-4 of those behind `tokens` would choose otherwise."""
    room = CONTEXT - int(options.max_new_tokens[0])
    row = [*(prompt[-room:] or [END_OF_TEXT]), *tokens]
    logits = one.writer.model(tf.constant([row]))[0, -1].numpy()
    near = logits + np.random.default_rng(0).uniform(-1e-4, 1e-4, [512, len(logits)])
    options = tf.nest.map_structure(lambda values: np.repeat(values, 512, axis=0), options)
    row = tf.constant([row] * 512)
    past = history(row, tf.ones_like(row, tf.bool), tf.shape(row)[1], tf.constant(len(tokens)))
    near = tf.constant(near, tf.float32)
    near = constrained(near, options.constraints, past, END_OF_TEXT)
    return len(set(loop.draw(near, options, tf.constant(len(tokens))).numpy())) > 1


def test_float32_rows_are_what_they_would_be_alone():
    together = alone = decoder("float32")
    rows = differing = 0
    for prompts, options in batches():
        found = together.generate_scored(prompts, options)
        for i, (tokens, scores) in enumerate(found):
            [(expected, its)] = alone.generate_scored([prompts[i]], only(options, i))
            rows += 1
            if tokens != expected:
                differing += 1
                pairs = zip(tokens, expected, strict=False)
                same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
                assert same is not None, "one ends where the other goes on"
                assert is_close(alone, prompts[i], only(options, i), tokens[:same])
                scores, its = scores[:same], its[:same]
            np.testing.assert_allclose(scores, its, atol=1e-5, rtol=1e-5)
    assert rows > 1000 and differing < rows / 100


def test_how_often_bfloat16_rows_agree(record_property):
    one = decoder("mixed_bfloat16")
    rows = agreeing = 0
    for number, (prompts, options) in enumerate(batches()):
        if number % 8:
            continue
        found = one.generate(prompts, options)
        for i, tokens in enumerate(found):
            rows += 1
            agreeing += tokens == one.generate([prompts[i]], only(options, i))[0]
    record_property("rows that agree", agreeing / rows)
    print(f"{agreeing} of {rows} rows in bfloat16 are what they are alone")
    assert agreeing / rows > 0.8
