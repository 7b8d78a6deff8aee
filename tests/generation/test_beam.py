"""Beam search: beside one in numpy by full passes, and what must hold of any."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import (
    END_OF_TEXT,
    PROMPTS,
    next_logits,
    only,
    sampling,
    traced_once,
)
from tfzoo.generation import Decoder, Writer, checked_options, search
from tfzoo.generation.requests import as_search
from tfzoo.models import GPT2


def options(rows, max_new_tokens=6, length_penalty=1.0, early_stopping=False, **more):
    given = {"length_penalty": length_penalty, "early_stopping": early_stopping, **more}
    checked = checked_options({"max_new_tokens": max_new_tokens, **given}, rows)
    return as_search(checked, [True] * rows)


def search_in_a_plain_graph(writer, num_beams):
    """`search` in a plain graph: a function of prompts and options, as `Decoder.search` is."""
    graph = traced_once(lambda prompts, how: search(writer, prompts, how, num_beams))

    def run(prompts, how):
        tokens, scores = graph(prompts, how)
        ended = [[[*row, writer.end_of_text] for row in rows] for rows in tokens.numpy().tolist()]
        texts = [[row[: row.index(writer.end_of_text)] for row in rows] for rows in ended]
        return texts, scores.numpy()

    return run


def plain(model, prompts, how, num_beams, end_of_text=END_OF_TEXT):
    """The best of each row."""
    texts, scores = search_in_a_plain_graph(Writer(model, end_of_text), num_beams)(prompts, how)
    return [row[0] for row in texts], scores[:, 0]


def log_likelihoods(model, prompt, texts):
    """float (k, v), of what follows each of k texts of the same length."""
    rows = [[*(prompt or [END_OF_TEXT]), *tokens] for tokens in texts]
    return tf.nn.log_softmax(model(tf.constant(rows))[:, -1]).numpy()


def by_full_passes(model, prompt, limit, num_beams, penalty, early, end_of_text=END_OF_TEXT):
    """The best text and its score, without batch, cache or graph."""
    running, done = [((), 0.0)], []
    for length in range(1, limit + 1):
        steps = log_likelihoods(model, prompt, [tokens for tokens, _ in running])
        ways = [
            ((*tokens, v), likelihood + more)
            for (tokens, likelihood), row in zip(running, steps, strict=True)
            for v, more in enumerate(row)
        ]
        ways = sorted(ways, key=lambda way: -way[1])[: 2 * num_beams]
        ends = [tokens[-1] == end_of_text or length == limit for tokens, _ in ways]
        done += [
            (tokens, x / length**penalty)
            for (tokens, x), end in zip(ways[:num_beams], ends, strict=False)
            if end
        ]
        done = sorted(done, key=lambda text: -text[1])[:num_beams]
        running = [way for way, end in zip(ways, ends, strict=True) if not end][:num_beams]
        if len(done) == num_beams and (
            early or not running or running[0][1] / length**penalty <= done[-1][1]
        ):
            break
    tokens, score = done[0]
    return [t for t in tokens if t != end_of_text], score


@pytest.fixture(scope="module")
def ending(model):
    """A token that the model likes to say: declared the end, it ends texts at all lengths."""
    return int(np.argmax(np.mean([log_likelihoods(model, p, [[]])[0] for p in PROMPTS], 0)))


@pytest.fixture(scope="module")
def three_beams(model, ending):
    return search_in_a_plain_graph(Writer(model, ending), 3)


@pytest.mark.parametrize(
    ("penalty", "early"),
    [
        (0.0, False),
        (1.0, True),
        pytest.param(0.0, True, marks=pytest.mark.slow),
        pytest.param(1.0, False, marks=pytest.mark.slow),
        pytest.param(2.0, False, marks=pytest.mark.slow),
        pytest.param(2.0, True, marks=pytest.mark.slow),
    ],
)
def test_the_search_is_that_of_numpy(model, ending, three_beams, penalty, early):
    texts, scores = three_beams(PROMPTS, options(5, 6, penalty, early))
    assert len({len(best) for best, *_ in texts}) > 1
    for prompt, [row, *_], [score, *_] in zip(PROMPTS, texts, scores, strict=True):
        prompt = prompt or [ending]
        expected, at = by_full_passes(model, prompt, 6, 3, penalty, early, ending)
        assert row == expected
        assert score == pytest.approx(at, abs=1e-4)


@pytest.mark.slow
def test_compiled_and_plain_find_the_same(model, ending, three_beams):
    how = options(5, [6, 0, 3, 6, 5], [1.0, 1.0, 0.5, 0.0, 2.0], [False, False, True, False, True])
    texts, scores = Decoder(Writer(model, ending)).search(PROMPTS, how, 3)
    expected, expected_scores = three_beams(PROMPTS, how)
    assert texts == expected and texts[1] == [[]] * 3
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)
    assert scores[1].tolist() == [0.0] * 3


def test_a_row_is_found_as_if_alone(three_beams):
    how = options(5, [6, 2, 3, 6, 5], [1.0, 1.0, 0.5, 0.0, 2.0], [False, False, True, False, True])
    together, scores = three_beams(PROMPTS, how)
    for i, prompt in enumerate(PROMPTS):
        [alone], [its_scores] = three_beams([prompt], only(how, i))
        assert together[i] == alone
        np.testing.assert_allclose(scores[i], its_scores, atol=1e-5)


@pytest.mark.slow
def test_one_beam_that_stops_early_is_greedy(model, decoder):
    tokens, _ = plain(model, PROMPTS, options(5, 10, early_stopping=True), 1)
    assert tokens == decoder.generate(PROMPTS, sampling(5, 10, temperature=0.0))


def test_the_score_is_the_likelihood_over_the_length(model):
    tokens, scores = plain(model, PROMPTS, options(5, 6, 0.7), 3)
    for prompt, row, score in zip(PROMPTS, tokens, scores, strict=True):
        row = row if len(row) == 6 else [*row, END_OF_TEXT]
        nats = [log_likelihoods(model, prompt, [row[:i]])[0, t] for i, t in enumerate(row)]
        assert score == pytest.approx(sum(nats) / len(row) ** 0.7, abs=1e-4)


@pytest.mark.slow
def test_beams_enough_for_all_texts_find_the_best():
    """Of three tokens, one the end, in at most three steps, there are 1 + 2 + 4 * 3 texts."""
    model = GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=3,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        max_sequence_length=8,
        initializer_range=0.8,
    )
    middles = itertools.chain.from_iterable(itertools.product([0, 1], repeat=n) for n in range(3))
    texts = [(*m, t) for m in middles for t in ([2] if len(m) < 2 else [0, 1, 2])]
    assert len(texts) == 15

    def likelihood(tokens):
        steps = (
            tf.nn.log_softmax(next_logits(model, [0, *tokens[:i]])) for i in range(len(tokens))
        )
        return sum(float(x[t]) for x, t in zip(steps, tokens, strict=True))

    best = max(texts, key=likelihood)
    scores = [plain(model, [[0]], options(1, 3, 0.0), k, 2)[1][0] for k in (1, 2, 12)]
    [found], _ = plain(model, [[0]], options(1, 3, 0.0), 12, 2)
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(likelihood(best), abs=1e-5)
    assert found == [t for t in best if t != 2]
