"""Decoding with a cache is decoding without one, and no row knows of the others."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.generation import (
    Decoder,
    Writer,
    as_sampling,
    checked_options,
    generate,
    generate_anew,
)
from tfzoo.generation.decoder import cache_length
from tfzoo.models import GPT2

CONTEXT, END_OF_TEXT = 24, 49
RNG = np.random.default_rng(3)
PROMPTS = [RNG.integers(0, 49, n).tolist() for n in (5, 1, 9, 0, 3)]
GREEDY = {"temperature": 0.0}
RANDOM = {"temperature": 1.0, "top_k": 20, "top_p": 0.95}


def sampling(rows, max_new_tokens=8, **how):
    """`Sampling` of arrays; each option one for all rows, or a list."""
    options = as_sampling(checked_options(how, rows), [True] * rows)
    limits = np.broadcast_to(max_new_tokens, [rows]).astype(np.int32)
    return options._replace(max_new_tokens=limits)


def only(options, row):
    """Options of one of the rows."""
    return tf.nest.map_structure(lambda values: values[row : row + 1], options)


def in_a_plain_graph(writer):
    """`generate` as one plain graph, with the arguments of `Decoder.generate`."""
    run = traced_once(lambda prompts, how: generate(writer, prompts, how).token_ids)
    return lambda prompts, options: run(prompts, options).to_list()


def traced_once(function):
    """A function of ragged prompts and options as a graph of any number of rows."""
    graph = tf.function(function, autograph=False)

    def run(prompts, options):
        ragged = tf.ragged.constant(prompts, dtype=tf.int32, ragged_rank=1)
        options = tf.nest.map_structure(tf.constant, options)
        any_rows = tf.nest.map_structure(
            lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), options
        )
        graph.get_concrete_function(tf.RaggedTensorSpec([None, None], tf.int32), any_rows)
        return graph(ragged, options)

    return run


@pytest.fixture(scope="module")
def plain(model):
    return in_a_plain_graph(Writer(model, END_OF_TEXT))


@pytest.fixture(params=["plain", pytest.param("compiled", marks=pytest.mark.slow)])
def run(request, plain, decoder):
    return plain if request.param == "plain" else decoder.generate


def next_logits(model, tokens):
    """By a full pass over the whole row, without a cache."""
    return model(tf.constant([tokens]))[0, -1].numpy()


def assert_greedy(model, prompt, new_tokens, max_new_tokens):
    """Each token is the best by a full pass, or level with it: within 1e-4."""
    tokens = list(prompt) or [END_OF_TEXT]
    for token in new_tokens:
        logits = next_logits(model, tokens)
        assert logits[token] > logits.max() - 1e-4
        tokens.append(token)
    if len(new_tokens) < max_new_tokens:
        logits = next_logits(model, tokens)
        assert logits[END_OF_TEXT] > logits.max() - 1e-4


def test_greedy_is_the_best_of_full_passes(model, run):
    results = run(PROMPTS, sampling(5, 12, **GREEDY))
    assert any(len(set(row)) > 3 for row in results)
    for prompt, new_tokens in zip(PROMPTS, results, strict=True):
        assert_greedy(model, prompt, new_tokens, 12)


@pytest.mark.parametrize("how", [GREEDY, RANDOM], ids=["greedy", "random"])
def test_a_row_is_what_it_would_be_alone(run, how):
    together = run(PROMPTS, sampling(5, seed=range(5), **how))
    alone = [run([p], sampling(1, seed=i, **how))[0] for i, p in enumerate(PROMPTS)]
    assert together == alone


def test_rows_of_all_kinds_side_by_side(run):
    options = sampling(
        5,
        [8, 0, 3, 8, 6],
        temperature=[0.0, 1.0, 0.8, 2.0, 1.0],
        top_k=[0, 5, 0, 3, 0],
        top_p=[1, 1, 0.5, 1, 0.9],
        seed=range(5),
    )
    together = run(PROMPTS, options)
    alone = [run([p], only(options, i))[0] for i, p in enumerate(PROMPTS)]
    assert together == alone
    assert together[1] == [] and len(together[2]) <= 3


def test_the_seed_decides(run):
    first, again, other = (run(PROMPTS, sampling(5, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("rows", [5, 1])
def test_compiled_and_plain_write_the_same(plain, decoder, rows):
    prompts, options = PROMPTS[:rows], sampling(rows, seed=range(rows), **RANDOM)
    assert plain(prompts, options) == decoder.generate(prompts, options)


@pytest.mark.parametrize("how", [GREEDY, RANDOM], ids=["greedy", "random"])
def test_a_cache_in_blocks_writes_the_same(model, plain, monkeypatch, how):
    monkeypatch.setattr("tfzoo.generation.blocks.SMALLEST", 2)
    monkeypatch.setattr("tfzoo.generation.decoder.SMALL_STEP", 8)
    decoder, options = Decoder(Writer(model, END_OF_TEXT)), sampling(5, 14, seed=range(5), **how)
    assert plain(PROMPTS, options) == decoder.generate(PROMPTS, options)
    [*pieces] = decoder.stream(PROMPTS, options, chunk_size=3)
    assert plain(PROMPTS, options) == [sum(row, []) for row in zip(*pieces, strict=True)]


def test_nothing_stands_behind_rows_that_all_end_early(model, plain):
    """One row by its limit, and at once the others, whose limits are higher, by end-of-text."""
    first, other = plain(PROMPTS[:2], sampling(2, 2, **GREEDY))
    decoder = Decoder(Writer(model, end_of_text=other[-1]))
    options = sampling(3, [2, 9, 9], **GREEDY)
    assert decoder.generate([PROMPTS[0], PROMPTS[1], PROMPTS[1]], options)[0] == first


def test_one_row_after_another_of_another_length():
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "max_sequence_length": 96}
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=50, **sizes)
    decoder = Decoder(Writer(model, END_OF_TEXT))
    short, long = (decoder.generate([PROMPTS[0]], sampling(1, n, **GREEDY))[0] for n in (8, 80))
    assert cache_length(5 + 8) != cache_length(5 + 80)
    assert short == long[:8]


def test_a_large_model_writes_the_same(model, plain, monkeypatch):
    monkeypatch.setattr("tfzoo.generation.decoder.LARGE", 0)
    decoder, options = Decoder(Writer(model, END_OF_TEXT)), sampling(5, seed=range(5), **RANDOM)
    assert plain(PROMPTS, options) == decoder.generate(PROMPTS, options)
    [part], *_ = decoder._start(PROMPTS, options)
    assert part[0].shape[0] == 8


@pytest.mark.parametrize(
    "max_new_tokens",
    [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (8, [3, 0, 1, 8, 100]))],
)
def test_anew_is_from_an_empty_prompt(model, plain, max_new_tokens):
    options = sampling(5, max_new_tokens, seed=range(5), **RANDOM)
    anew = generate_anew(Writer(model, END_OF_TEXT), tf.nest.map_structure(tf.constant, options))
    assert anew.token_ids.to_list() == plain([[]] * 5, options)


@pytest.mark.slow
def test_an_empty_prompt_starts_from_end_of_text(run):
    options = sampling(2, **GREEDY)
    empty, end = run([[], [END_OF_TEXT]], options)
    assert empty == end


def test_an_overlong_prompt_keeps_its_last_tokens(run):
    long = RNG.integers(0, 49, 100).tolist()
    options = sampling(2, [10, 3], **GREEDY)
    assert run([long, long], options) == run([long[-14:], long[-21:]], options)


def test_a_long_prompt_beside_a_long_answer(run, model):
    """Together they are longer than the context; each alone is not."""
    prompts = [RNG.integers(0, 49, 21).tolist(), [7]]
    results = run(prompts, sampling(2, [3, 23], **GREEDY))
    for prompt, new_tokens, limit in zip(prompts, results, [3, 23], strict=True):
        assert_greedy(model, prompt, new_tokens, limit)


def test_new_tokens_are_at_most_a_context_but_one(run):
    high = run([[1, 2, 3]], sampling(1, 10**6, **GREEDY))
    assert high == run([[3]], sampling(1, CONTEXT - 1, **GREEDY))
    assert run([[1]], sampling(1, -1)) == [[]]


@pytest.mark.slow
def test_a_row_ends_at_end_of_text_and_others_go_on(run, model):
    """The third token that follows token 5 is declared the end of a text."""
    ended = Decoder(Writer(model, end_of_text := run([[5]], sampling(1, 6, **GREEDY))[0][2]))
    results = ended.generate([[5], *PROMPTS], sampling(6, 6, **GREEDY))
    longer = run([[5], *PROMPTS], sampling(6, 6, **GREEDY))
    for row, full in zip(results[:4], longer[:4], strict=True):
        end = full.index(end_of_text) if end_of_text in full else len(full)
        assert row == full[:end]
    assert len(results[0]) <= 2 and max(map(len, results)) == 6
    chunks = list(ended.stream([[5]], sampling(1, 6, **GREEDY), chunk_size=1))
    assert len(chunks) <= 3  # Nothing is computed once all rows have ended.


def test_pieces_of_a_stream_make_the_whole(decoder):
    options = sampling(5, [15, 2, 9, 0, 15], seed=range(5))
    rows = [[] for _ in PROMPTS]
    chunks = 0
    for chunk in decoder.stream(PROMPTS, options, chunk_size=4):
        chunks += 1
        rows = [row + new for row, new in zip(rows, chunk, strict=True)]
    assert rows == decoder.generate(PROMPTS, options)
    assert chunks > 1


@pytest.mark.slow
def test_more_prompts_than_a_batch_holds(decoder):
    prompts = [[i % 49] for i in range(40)]
    options = sampling(40, 3, **GREEDY)
    assert decoder.generate(prompts, options) == [
        *decoder.generate(prompts[:32], sampling(32, 3, **GREEDY)),
        *decoder.generate(prompts[32:], sampling(8, 3, **GREEDY)),
    ]


def test_no_prompts_no_texts(run):
    assert run([], sampling(0)) == []
