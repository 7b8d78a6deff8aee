"""What counts as the same answer, and what does not."""

import numpy as np
import pytest

from tfzoo.serving import comparison

NUMBERS = {("score", "log_likelihood"): np.float32([-3.0, -40.0])}
TEXTS = {("generate", "completions"): np.array([b"a", b"b", b"c", b"d"], object)}
TOKENS = {("tokenize", "token_ids"): np.int32([[1, 2]])}


def problems(expected, found):
    return list(comparison.unlike(expected, dict(zip(expected, [found], strict=True)), 1e-3))


def test_numbers_may_differ_by_a_share_of_the_largest():
    [numbers] = NUMBERS.values()
    assert not problems(NUMBERS, numbers + np.float32([0.039, 0]))
    [told] = problems(NUMBERS, numbers + np.float32([0.041, 0]))
    assert "`score` gives log_likelihood that are up to 0.041 from Python's" in told


@pytest.mark.parametrize("expected", [NUMBERS, TEXTS, TOKENS], ids=["numbers", "texts", "tokens"])
def test_shapes_must_be_equal(expected):
    [values] = expected.values()
    [told] = problems(expected, values[:1, ...][..., :1])
    assert "of shape" in told


def test_tokens_must_be_equal():
    assert not problems(TOKENS, np.int32([[1, 2]]))
    assert problems(TOKENS, np.int32([[1, 3]]))


def test_half_of_what_is_written_must_be_equal():
    assert not problems(TEXTS, np.array([b"a", b"b", b"x", b"x"], object))
    assert problems(TEXTS, np.array([b"a", b"x", b"x", b"x"], object))


def test_what_is_not_written_must_be_equal_text_by_text():
    texts = {("detokenize", "texts"): np.array([b"a", b"b", b"c", b"d"], object)}
    assert problems(texts, np.array([b"a", b"b", b"c", b"x"], object))


def test_numbers_that_are_not_finite_are_named():
    [told] = comparison.not_finite({("embed", "embeddings"): np.float32([[0, np.nan]])})
    assert told == "`embed` gives embeddings that are not finite"
    assert not list(comparison.not_finite(NUMBERS | TEXTS))


def test_half_the_size_of_the_numbers_is_too_far_from_float32():
    [numbers] = NUMBERS.values()
    [key] = NUMBERS
    assert not list(comparison.drifted(NUMBERS, {key: numbers * np.float32(1.49)}))
    assert list(comparison.drifted(NUMBERS, {key: numbers * np.float32(1.51)}))


def test_perplexity_is_of_all_tokens():
    answers = {
        ("score", "log_likelihood"): np.float32([-2, -4]) * np.log(np.float32(3)),
        ("score", "num_tokens"): np.int32([2, 4]),
    }
    assert comparison.perplexity(answers) == pytest.approx(3)
