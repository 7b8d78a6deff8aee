"""Texts that end a row are found by their bytes, wherever tokens begin and end."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import in_a_plain_graph
from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.generation import Decoder, TokenBytes, as_sampling, checked_options, stops
from tfzoo.generation.requests import as_constraints
from tfzoo.language_model import LanguageModel
from tfzoo.models import GPT2

CORPUS = ["the quick brown fox jumps over the lazy dog. 日本語 👍 hello. " * 20]
RNG = np.random.default_rng(5)


@pytest.fixture(scope="module", params=["bytes", "byte_pair", "sentence_piece", "word_piece"])
def tokenizer(request):
    return tokenizers.train(request.param, CORPUS, 300)


def num_read(tokenizer, token_ids, texts, is_continued, compiled=False):
    """Tokens of each row up to the one that ends it by a text; all if none does."""
    given = checked_options({"stop_strings": texts}, len(token_ids))
    constraints = as_constraints(given, is_continued)
    constraints = tf.nest.map_structure(tf.constant, constraints)
    table = TokenBytes(tokenizer)

    @tf.function(autograph=False, jit_compile=compiled)
    def step(newest, token):
        return stops.written(newest, token, constraints, table)

    newest = stops.nothing_written(constraints)
    ended = np.full(len(token_ids), token_ids.shape[1])
    for place in range(token_ids.shape[1]):
        newest, is_said = step(newest, tf.constant(token_ids[:, place]))
        first = is_said.numpy() & (ended == token_ids.shape[1])
        ended[first] = place + 1
    return ended.tolist()


def expected(tokenizer, row, texts, continued):
    for count in range(1, len(row) + 1):
        spelt = tokenizer.spell(row[:count], continued=continued)
        if any(text.encode() in spelt for text in texts):
            return count
    return len(row)


@pytest.mark.parametrize(
    "compiled", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"]
)
def test_a_row_ends_with_the_token_that_completes_a_text(tokenizer, compiled):
    rows = RNG.integers(0, tokenizer.vocabulary_size, [40, 24]).astype(np.int32)
    continued = [i % 2 == 0 for i in range(40)]
    texts = []
    for row, before in zip(rows, continued, strict=True):
        spelt = tokenizer.spell(row, continued=before).decode("utf-8", "ignore")
        place, size = RNG.integers(0, max(len(spelt) - 3, 1)), int(RNG.integers(1, 9))
        some = [spelt[place : place + size] or "x", "never", "日本"]
        texts.append(some[: int(RNG.integers(1, 4))])
    found = num_read(tokenizer, rows, texts, continued, compiled)
    wanted = [
        expected(tokenizer, row, some, before)
        for row, some, before in zip(rows.tolist(), texts, continued, strict=True)
    ]
    assert found == wanted
    assert min(wanted) < 24 and len(set(wanted)) > 3


def test_a_space_before_the_first_word_is_no_text(tokenizer):
    """Where nothing stands before a text, it starts without the space that its token has."""
    [ids] = tokenizer.encode_batch(["hello"])
    row = np.int32([ids])
    [continued] = num_read(tokenizer, row, [" h"], [True])
    [alone] = num_read(tokenizer, row, [" h"], [False])
    assert alone == len(ids)
    assert continued == expected(tokenizer, ids, [" h"], True)


def test_a_text_before_the_new_one_does_not_count(model, decoder):
    """`decoder` writes numbers; the prompt ends with the first half of a stop."""
    tokenizer = tokenizers.train("bytes", [], 257)
    [row] = tokenizer.encode_batch(["bc"])
    assert num_read(tokenizer, np.int32([row]), ["abc"], [True]) == [2]


@pytest.fixture(scope="module")
def trained():
    tokenizer = tokenizers.train("byte_pair", CORPUS, 300)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 48}
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=300, initializer_range=0.6, **sizes)
    return LanguageModel(model, tokenizer)


PROMPTS = ["the quick", "", "lazy dog", "日本"]
HOW = {"max_new_tokens": 30, "temperature": 0.8, "seed": [1, 2, 3, 4]}


@pytest.fixture(scope="module")
def free(trained):
    return trained.generate(PROMPTS, **HOW)


def middles(texts, size=2):
    """Of each text some letters, not of its beginning, that are valid Unicode."""
    starts = (re.search(rf"[^\ufffd]{{{size}}}", text[8:]).start() + 8 for text in texts)
    return [[text[n : n + size]] for text, n in zip(texts, starts, strict=True)]


def test_texts_end_before_the_first_stop(trained, free):
    each = middles(free)
    texts = trained.generate(PROMPTS, **HOW, stop_strings=each)
    assert texts == [t[: t.index(s[0])] for t, s in zip(free, each, strict=True)]


@pytest.mark.slow
def test_one_stop_is_for_all_texts(trained, free):
    one = middles(free)[0][0]
    for_all = trained.generate(PROMPTS, **HOW, stop_strings=[one, "never said"])
    assert for_all == [t.split(one)[0] for t in free]
    assert trained.generate(PROMPTS, **HOW, stop_strings=one) == for_all


@pytest.mark.slow
def test_nothing_is_written_behind_a_stop(trained, free):
    each = middles(free)
    scored = trained.generate_scored(PROMPTS, **HOW, stop_strings=each)
    whole = trained.generate_scored(PROMPTS, **HOW)
    for some, full, [stop] in zip(scored, whole, each, strict=True):
        assert some.token_ids == full.token_ids[: len(some.token_ids)]
        spell = trained.tokenizer.spell
        assert stop.encode() in spell(some.token_ids, continued=True)
        assert stop.encode() not in spell(some.token_ids[:-1], continued=True)
        assert len(some.token_ids) < len(full.token_ids)


@pytest.mark.slow
def test_a_stream_never_shows_a_stop(trained, free):
    for number, prompt in enumerate(PROMPTS):
        how = {**HOW, "seed": HOW["seed"][number]}
        for size in (1, 2, 5):
            [[stop]] = middles([free[number]], size)
            pieces = list(trained.stream(prompt, **how, stop_strings=[stop, "zzzz"]))
            assert "".join(pieces) == free[number].split(stop)[0]
        assert "".join(trained.stream(prompt, **how, stop_strings=["\U0001f600"])) == free[number]


@pytest.mark.slow
def test_the_plain_graph_ends_where_the_program_does(trained, free):
    rows = trained.tokenizer.encode_batch(PROMPTS)
    options = checked_options({**HOW, "stop_strings": middles(free)}, len(rows))
    how = as_sampling(options, list(map(bool, rows)))
    writer = trained._decoder.writer
    assert in_a_plain_graph(writer)(rows, how) == Decoder(writer).generate(rows, how)


@pytest.mark.slow
def test_a_search_ends_at_stops_too(trained):
    free = trained.generate(["the quick"], max_new_tokens=12, num_beams=3, num_return_sequences=3)
    stop = free[0][4:6]
    found = trained.generate(
        ["the quick"], max_new_tokens=12, num_beams=3, num_return_sequences=3, stop_strings=stop
    )
    assert len(free) == len(found) == 3
    assert not any(stop in text for text in found)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stop_strings": [""]},
        {"stop_strings": ["x" * 257]},
        {"stop_strings": [["a"], ["b"]]},
        {"stop_strings": [3]},
        {"stop_strings": None},
        {"stop_token_ids": 3.5},
        {"stop_strings": ["a"] * 65},
        {"stop_token_ids": [-1]},
        {"stop_token_ids": ["a"]},
        {"stop_token_ids": [[1], [2]]},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_what_is_no_stop_is_refused(trained, wrong):
    [name] = wrong
    with pytest.raises(UsageError, match=f"`{name}`"):
        trained.generate(["a"], **wrong)
