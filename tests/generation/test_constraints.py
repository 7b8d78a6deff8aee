"""Constraints change the logits as numpy would, in each row alone, and bar what they say."""

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import END_OF_TEXT, PROMPTS, in_a_plain_graph, only, sampling
from tfzoo.generation import Decoder, Ends, Writer
from tfzoo.generation.constraints import BARRED, Constraints, constrained, history

SIZE, STEP = 12, 3
TOKENS = np.int32([[1, 2, 3, 1, 2, 5, 1, 2], [9, 9, 4, 4, 4, 7, 7, 7], [0, 0, 6, 8, 6, 8, 6, 9]])
IS_READ = np.arange(9) >= np.array([0, 2, 2])[:, None]
LOGITS = np.random.default_rng(0).normal(0, 3, [3, SIZE]).astype(np.float32)
OFF = {
    "repetition_penalty": 1.0,
    "frequency_penalty": 0.0,
    "no_repeat_ngram_size": 0,
    "min_new_tokens": 0,
}


def changed(compiled=False, end_of_text=11, stop_token_ids=(), **given):
    """What becomes of `LOGITS` behind eight columns of tokens, of which three are new."""
    numbers = {name: np.broadcast_to(given.get(name, x), [3]) for name, x in OFF.items()}
    types = {name: np.float32 if "penalty" in name else np.int32 for name in OFF}
    constraints = Constraints(
        **{name: tf.constant(x.astype(types[name])) for name, x in numbers.items()},
        stop_token_ids=tf.constant(np.int32([stop_token_ids] * 3)),
        stop_patterns=tf.zeros([3, 0, 0], tf.int32),
        is_continued=tf.constant([True] * 3),
    )
    tokens = tf.constant(np.pad(TOKENS, [(0, 0), (0, 1)]))

    @tf.function(autograph=False, jit_compile=compiled)
    def run():
        past = history(tokens, tf.constant(IS_READ), tf.constant(8), tf.constant(STEP))
        return constrained(tf.constant(LOGITS), constraints, past, end_of_text)

    return run().numpy()


def read(row):
    return TOKENS[row][IS_READ[row, :8]].tolist()


def repeated(row, size):
    """Tokens that would make a sequence of `size` come a second time."""
    tokens = read(row)
    newest = tokens[len(tokens) - size + 1 :]
    starts = range(len(tokens) - size + 1)
    return {tokens[i + size - 1] for i in starts if tokens[i : i + size - 1] == newest}


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def compiled(request):
    return request.param


def test_a_repetition_penalty_divides_or_multiplies(compiled):
    found = changed(compiled, repetition_penalty=[1.0, 1.5, 0.5])
    for row, penalty in enumerate([1.0, 1.5, 0.5]):
        expected = LOGITS[row].copy()
        for token in set(read(row)):
            expected[token] *= penalty if expected[token] < 0 else 1 / penalty
        np.testing.assert_allclose(found[row], expected, rtol=1e-6)
    assert 0 in TOKENS[2] and found[2, 0] == LOGITS[2, 0]  # Padding is not read.


def test_a_frequency_penalty_counts_what_is_new(compiled):
    found = changed(compiled, frequency_penalty=[0.5, 2.0, -1.0])
    for row, penalty in enumerate([0.5, 2.0, -1.0]):
        counts = np.bincount(TOKENS[row, 5:], minlength=SIZE)
        np.testing.assert_allclose(found[row], LOGITS[row] - penalty * counts, rtol=1e-6)
    assert counts.max() == 1 and np.bincount(TOKENS[1, 5:]).max() == 3


@pytest.mark.parametrize("sizes", [(1, 2, 3), (2, 3, 4), (3, 0, 2), (9, 1, 5)], ids=str)
def test_no_sequence_of_tokens_comes_twice(compiled, sizes):
    found = changed(compiled, no_repeat_ngram_size=sizes)
    some = 0
    for row, size in enumerate(sizes):
        barred = repeated(row, size) if size else set()
        assert set(np.flatnonzero(found[row] == np.float32(BARRED))) == barred
        others = [token for token in range(SIZE) if token not in barred]
        np.testing.assert_array_equal(found[row, others], LOGITS[row, others])
        some += len(barred)
    assert some


def test_nothing_ends_before_its_time(compiled):
    found = changed(
        compiled, min_new_tokens=[3, 4, 100], end_of_text=Ends(11, [2]), stop_token_ids=[5, -1]
    )
    np.testing.assert_array_equal(found[0], LOGITS[0])
    for row in (1, 2):
        assert set(np.flatnonzero(found[row] == np.float32(BARRED))) == {2, 5, 11}


@pytest.mark.parametrize(
    "senseless",
    [
        {"repetition_penalty": np.nan},
        {"repetition_penalty": -2.0},
        {"frequency_penalty": np.nan},
        {"frequency_penalty": np.inf},
        {"no_repeat_ngram_size": -3},
        {"min_new_tokens": -1},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_switched_off_in_its_row(senseless):
    [(name, value)] = senseless.items()
    given = {"frequency_penalty": [1.0, 0.0, 0.0]}
    given[name] = [given.get(name, [value])[0], OFF[name], value]
    found = changed(**given)
    assert np.all(np.isfinite(found))
    np.testing.assert_array_equal(found[1:], LOGITS[1:])
    assert not np.array_equal(found[0], LOGITS[0])


EVERYTHING = {
    "temperature": [0.0, 0.9, 0.0, 1.2, 0.7],
    "seed": range(5),
    "min_p": [0.0, 0.1, 0.0, 0.05, 0.0],
    "repetition_penalty": [1.3, 1.0, 1.0, 1.1, 0.9],
    "frequency_penalty": [0.0, 0.5, 0.0, 0.2, -0.3],
    "no_repeat_ngram_size": [0, 0, 2, 3, 1],
    "min_new_tokens": [0, 12, 3, 0, 5],
    "stop_token_ids": [[], [3, 4], [7], [], [1, 2, 3]],
}


@pytest.fixture(scope="module", params=["plain", pytest.param("compiled", marks=pytest.mark.slow)])
def run(request, model, decoder):
    if request.param == "plain":
        return in_a_plain_graph(Writer(model, END_OF_TEXT))
    return decoder.generate


def test_a_row_of_any_constraints_is_what_it_would_be_alone(run):
    options = sampling(5, 12, **EVERYTHING)
    together = run(PROMPTS, options)
    assert together == [run([p], only(options, i))[0] for i, p in enumerate(PROMPTS)]
    assert together != run(PROMPTS, sampling(5, 12, temperature=EVERYTHING["temperature"]))
    assert len(together[1]) == 12


@pytest.mark.slow
def test_a_row_ends_at_its_stop_tokens_without_them(run):
    free = run(PROMPTS, sampling(5, 12, temperature=0.0))
    stops = [row[2:3] for row in free]
    rows = run(PROMPTS, sampling(5, 12, temperature=0.0, stop_token_ids=stops))
    assert rows == [f[: f.index(s[0])] if s else f for f, s in zip(free, stops, strict=True)]


@pytest.mark.slow
def test_no_bigram_comes_twice_in_a_text(run):
    rows = run(PROMPTS, sampling(5, 14, temperature=0.0, no_repeat_ngram_size=2))
    free = run(PROMPTS, sampling(5, 14, temperature=0.0))

    def bigrams(prompt, row):
        tokens = [*(prompt or [END_OF_TEXT]), *row]
        return list(zip(tokens, tokens[1:], strict=False))

    for prompt, row in zip(PROMPTS, rows, strict=True):
        pairs = bigrams(prompt, row)
        new = pairs[len(pairs) - len(row) :]
        assert not any(pair in pairs[: pairs.index(pair)] for pair in new)
        assert len(set(new)) == len(new)
    assert any(
        len(set(p := bigrams(prompt, row))) < len(p)
        for prompt, row in zip(PROMPTS, free, strict=True)
    )


@pytest.mark.slow
def test_programs_without_constraints_are_kept(model):
    """A request with constraints is another program; without, the first is used again."""
    decoder = Decoder(Writer(model, END_OF_TEXT))
    for more in ({}, {"min_new_tokens": 2}, {}, {"min_new_tokens": 3, "repetition_penalty": 2.0}):
        decoder.generate([[1, 2]], sampling(1, 4, temperature=0.0, **more))
    assert decoder._decode.experimental_get_tracing_count() == 2
