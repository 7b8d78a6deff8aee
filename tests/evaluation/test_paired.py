"""Sentences in pairs are scored by what both share; what counts is how often one is preferred."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.evaluation import Pair, log_likelihood, paired, preferences, score_pairs
from tfzoo.evaluation.paired import shared_places, wilson_interval
from tfzoo.models import ALBERT, BERT, GPT2, T5, RoBERTa

TEXTS = [
    ("the men of the nation went to war", "the women of the nation went to war"),
    ("he is here", "she is here"),
    ("the poor have broken all of the laws", "the rich have broken all of the laws"),
    ("war", "a nation of men and women went to war"),
    ("the same to all", "the same to all"),
    ("he", "she"),
]
PAIRS = [Pair(*texts, "ab"[i % 2], f"pairs.tsv:{i}") for i, texts in enumerate(TEXTS)]
SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "max_sequence_length": 48,
    "initializer_range": 0.5,
}
ROLES = ("padding", "start", "separator", "mask")


@pytest.fixture(scope="module")
def word_piece():
    return tokenizers.train("word_piece", [" ".join(texts) for texts in TEXTS] * 3, 90)


def made(family, tokenizer):
    return family.from_preset(
        next(iter(family.presets)), vocabulary_size=tokenizer.vocabulary_size, **SIZES
    )


@pytest.fixture(scope="module", params=["roberta", "gpt2"])
def trained(request, word_piece):
    """A model and a tokenizer that go together: an encoder's, a decoder's."""
    return model_and_tokenizer(request.param, word_piece)


def model_and_tokenizer(family, word_piece):
    if family == "roberta":
        tokenizer = tokenizers.train("bytes", [], 261, roles=ROLES)
        return made(RoBERTa, tokenizer), tokenizer
    return made({"bert": BERT, "albert": ALBERT, "gpt2": GPT2}[family], word_piece), word_piece


def swapped(pairs):
    return [Pair(pair.less, pair.more, *pair[2:]) for pair in pairs]


def by_hand(model, tokenizer, sentence, other):
    """log p(token | the rest) of each shared token, one at a time, without padding."""
    [ids, other_ids] = tokenizer.encode_batch([sentence, other])
    total = 0.0
    for place in shared_places(ids, other_ids)[0]:
        row = tokenizer.join(sentence).token_ids
        assert row[1 + place] == ids[place]
        row[1 + place] = tokenizer.special("mask")
        logits = model.logits(model.hidden_states(tf.constant([row])))[0, 1 + place]
        logits = logits.numpy().astype(float)
        total += logits[ids[place]] - np.log(np.exp(logits).sum())
    return total


@pytest.mark.parametrize(
    "family",
    ["bert", "gpt2", *(pytest.param(x, marks=pytest.mark.slow) for x in ("albert", "roberta"))],
)
def test_it_is_the_likelihood_by_hand(family, word_piece):
    model, tokenizer = model_and_tokenizer(family, word_piece)
    scores = score_pairs(model, tokenizer, PAIRS)
    assert scores.shape == (len(PAIRS), 2)
    if model.kind == "decoder":
        ids = [tokenizer.encode_batch(texts) for texts in TEXTS]
        ragged = [tf.ragged.constant(x, dtype=tf.int32, ragged_rank=1) for x in ids]
        expected = [log_likelihood(model, x, tokenizer.end_of_text)[0].numpy() for x in ragged]
    else:
        expected = [
            (by_hand(model, tokenizer, a, b), by_hand(model, tokenizer, b, a)) for a, b in TEXTS
        ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert np.unique(scores).size > len(PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [50, 1, 10_000])
def test_scores_do_not_depend_on_what_runs_at_once(trained, monkeypatch, tokens):
    expected = score_pairs(*trained, PAIRS)
    np.testing.assert_allclose(score_pairs(*trained, PAIRS, batch_size=3), expected, rtol=1e-5)
    monkeypatch.setattr(paired, "TOKENS_AT_ONCE", tokens)
    np.testing.assert_allclose(score_pairs(*trained, PAIRS), expected, rtol=1e-5)


def test_batches_hold_no_more_tokens_than_they_may(word_piece):
    ids = [tuple(word_piece.encode_batch(texts)) for texts in TEXTS]
    rows = list(paired._hidden_rows(word_piece, PAIRS, ids, 48))
    for batch_size, most in [(None, 2048), (2, 2 * 48)]:
        batches = list(paired._batches(iter(rows * 50), batch_size))
        assert sum(batches, []) == rows * 50
        sizes = [len(batch) * max(len(row.token_ids) for row in batch) for batch in batches]
        assert max(sizes) <= most


def test_the_order_of_rows_does_not_matter(trained):
    scores, backwards = (score_pairs(*trained, pairs) for pairs in (PAIRS, PAIRS[::-1]))
    np.testing.assert_allclose(backwards[::-1], scores, rtol=1e-5)
    assert preferences(PAIRS, scores) == preferences(PAIRS[::-1], backwards)


def test_swapping_the_columns_mirrors_the_share(trained):
    one = preferences(PAIRS, score_pairs(*trained, PAIRS))
    other = preferences(swapped(PAIRS), score_pairs(*trained, swapped(PAIRS)))
    for a, b in [(one, other), *((one["groups"][g], other["groups"][g]) for g in "ab")]:
        assert a["preferred"] == pytest.approx(1 - b["preferred"])
        assert a["interval"] == pytest.approx([1 - x for x in b["interval"][::-1]])
        assert a["ties"] == b["ties"]


def test_equal_sentences_tie(trained):
    pairs = [PAIRS[4]] * 3
    found = preferences(pairs, score_pairs(*trained, pairs, batch_size=2))
    assert found["ties"] == found["pairs"] == 3 and found["preferred"] == 0.5


def test_what_differs_is_not_scored(word_piece):
    [war], [nation] = word_piece.encode_batch(["war", "nation"])
    assert war != nation
    pair = Pair("war", "nation", "", "pairs.tsv:1")
    assert score_pairs(made(BERT, word_piece), word_piece, [pair]).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3], [1, 9, 3], ([0, 2], [0, 2])),
        ([1, 2, 2, 3], [1, 3], ([0, 3], [0, 1])),
        ([5], [6], ([], [])),
        ([], [1], ([], [])),
        ([1] + [7] * 300, [2] + [7] * 300, (list(range(1, 301)),) * 2),
    ],
)
def test_shared_tokens_by_hand(first, second, expected):
    assert shared_places(first, second) == expected
    assert shared_places(second, first) == expected[::-1]


def test_shared_tokens_are_equal_in_order_and_mirrored():
    generator = np.random.default_rng(0)
    for _ in range(200):
        first, second = (generator.integers(0, 4, generator.integers(0, 9)).tolist() for _ in "ab")
        one, other = shared_places(first, second)
        assert [first[i] for i in one] == [second[i] for i in other]
        assert one == sorted(set(one)) and other == sorted(set(other))
        assert shared_places(second, first) == (other, one)


def test_preferences_by_hand():
    pairs = [Pair("x", "y", group, "") for group in "aaab"]
    scores = np.array([[-1.0, -2.0], [-2.0, -1.0], [-3.0, -3.0], [-1.0, -9.0]])
    found = preferences(pairs, scores)
    assert (found["preferred"], found["pairs"], found["ties"]) == (0.625, 4, 1)
    assert {name: x["preferred"] for name, x in found["groups"].items()} == {"a": 0.5, "b": 1.0}
    assert [x["pairs"] for x in found["groups"].values()] == [3, 1]
    assert found["interval"] == wilson_interval(0.625, 4)
    assert "groups" not in preferences([pair._replace(group="") for pair in pairs], scores)


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [(0.8, 10, (0.490162, 0.943318)), (0.5, 100, (0.403832, 0.596168)), (0.0, 5, (0, 0.434482))],
)
def test_wilson_interval_by_hand(share, count, expected):
    """Newcombe, 1998, Statistics in Medicine 17, method 3."""
    assert wilson_interval(share, count) == pytest.approx(expected, abs=1e-6)


def test_the_interval_holds_the_share_in_95_of_100_samples():
    for share in (0.5, 0.3, 0.9):
        found = np.random.default_rng(1).binomial(100, share, 4000) / 100
        inside = [low <= share <= high for low, high in (wilson_interval(x, 100) for x in found)]
        assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


def test_sentences_that_an_encoder_cannot_read_are_told(word_piece):
    pair = Pair("war " * 60, "a war", "", "pairs.tsv:7")
    with pytest.raises(UsageError, match=r"pairs.tsv:7 has 60 tokens; the model reads 46"):
        score_pairs(made(BERT, word_piece), word_piece, [*PAIRS, pair])


def test_an_encoder_needs_a_mask():
    tokenizer = tokenizers.train("bytes", [], 257)
    with pytest.raises(UsageError, match="role of mask"):
        score_pairs(made(BERT, tokenizer), tokenizer, PAIRS)


def test_other_kinds_of_models_are_refused(word_piece):
    model = T5.from_preset("t5_tiny", vocabulary_size=word_piece.vocabulary_size, hidden_dim=16)
    with pytest.raises(ValueError, match="Received: kind=encoder_decoder"):
        score_pairs(model, word_piece, PAIRS)
