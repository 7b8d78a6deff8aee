"""What a decoder compiles and keeps: few programs, and weights as these read them fastest."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_decoding import (
    END_OF_TEXT,
    GREEDY,
    PROMPTS,
    next_logits,
    sampling,
)
from tfzoo.generation import Decoder, Writer
from tfzoo.generation.blocks import block_columns
from tfzoo.generation.decoder import cache_length
from tfzoo.layers.weights import is_kernel
from tfzoo.models import GPT2


@pytest.mark.parametrize("num_rows", [1, 2, 32])
def test_every_cache_is_cut_into_whole_blocks(num_rows):
    for num_columns in range(1, 2000):
        length = cache_length(num_columns)
        size = block_columns(num_rows, length)
        assert length % size == 0 and length // size <= (4 if num_rows > 1 else 1)


ON_A_GPU = bool(tf.config.list_physical_devices("GPU"))


def narrowed(model):
    narrow = GPT2.from_config({**model.get_config(), "dtype": "mixed_bfloat16"})
    narrow.set_weights(model.get_weights())
    return narrow


def are_the_best_of_full_passes(model, texts):
    assert any(len(set(text)) > 3 for text in texts)
    for prompt, text in zip(PROMPTS, texts, strict=False):
        tokens = prompt or [END_OF_TEXT]
        for token in text:
            logits = next_logits(model, tokens)
            assert logits[token] > logits.max() - 0.02 * (logits.max() - logits.min())
            tokens = [*tokens, token]


def test_a_cache_of_bfloat16_in_blocks_writes_the_best_of_full_passes(model, monkeypatch):
    monkeypatch.setattr("tfzoo.generation.blocks.SMALLEST", 4)
    monkeypatch.setattr("tfzoo.generation.decoder.SMALL_STEP", 8)
    narrow = narrowed(model)
    decoder = Decoder(Writer(narrow, END_OF_TEXT))
    are_the_best_of_full_passes(narrow, decoder.generate(PROMPTS, sampling(5, 14, **GREEDY)))


@pytest.mark.parametrize("rows", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_few_rows_of_bfloat16_write_the_best_of_full_passes(model, monkeypatch, rows):
    monkeypatch.setattr("tfzoo.generation.decoder.LARGE", 0)
    narrow = narrowed(model)
    decoder = Decoder(Writer(narrow, END_OF_TEXT))
    texts = decoder.generate(PROMPTS[:rows], sampling(rows, 12, **GREEDY))
    are_the_best_of_full_passes(narrow, texts)
    in_pairs = tf.bfloat16 if ON_A_GPU else tf.uint32
    read = zip(narrow.weights, decoder._weights(rows).values, strict=True)
    assert {x.dtype for weight, x in read if is_kernel(weight)} == {in_pairs}
    for many in (decoder._weights(9), decoder._weights(None)):  # The same numbers.
        read = zip(narrow.weights, many.values, strict=True)
        for x in [*(x for weight, x in read if is_kernel(weight)), many.output_kernel]:
            np.testing.assert_array_equal(x, tf.cast(tf.cast(x, tf.bfloat16), x.dtype))


@pytest.mark.skipif(ON_A_GPU, reason="A GPU multiplies bfloat16 itself.")
@pytest.mark.parametrize(
    ("narrow", "rows", "in_pairs"), [(True, 8, True), (True, 9, False), (False, 8, False)]
)
def test_a_small_model_reads_pairs_for_few_rows_of_bfloat16(model, narrow, rows, in_pairs):
    decoder = Decoder(Writer(narrowed(model) if narrow else model, END_OF_TEXT))
    parts, *_ = decoder._start([[1]] * rows, sampling(rows))
    kernel = decoder._weights_for(parts).output_kernel
    assert (kernel.dtype == tf.uint32) == in_pairs
    assert (kernel.shape.rank == 2) != in_pairs  # Else as it is, not turned.


@pytest.mark.slow
def test_weights_are_made_once_for_all_sizes_that_read_them_alike(model, monkeypatch):
    monkeypatch.setattr("tfzoo.generation.decoder.LARGE", 0)
    decoder, made = Decoder(Writer(model, END_OF_TEXT)), []
    make = decoder._weights._make
    decoder._weights._make = lambda *how: made.append(how) or make(*how)
    for rows in (9, 17, 32, 10):
        decoder.generate([[1]] * rows, sampling(rows, 2, **GREEDY))
    assert len(made) == 1
    for rows in (2, 8, 4):
        decoder.generate([[1]] * rows, sampling(rows, 2, **GREEDY))
    assert len(made) == 2


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_a_decoder_follows_the_weights(dtype):
    small = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "max_sequence_length": 8}
    model = GPT2.from_preset("gpt2_tiny", dtype=dtype, vocabulary_size=50, **small)
    decoder, options = Decoder(Writer(model, END_OF_TEXT)), sampling(1, 4, **GREEDY)
    before = decoder.generate([[1]], options)
    table = model.decoder.token_embedding.embeddings
    table.assign(tf.tensor_scatter_nd_update(table.value * 0.0, [[30]], [[1.0] * 8]))
    model.decoder.final_norm.beta.assign([1.0] * 8)
    assert decoder.generate([[1]], options) == [[30] * 4] != before


@pytest.mark.slow
def test_no_program_is_made_anew_for_another_prompt(model):
    decoder = Decoder(Writer(model, END_OF_TEXT))
    for length in range(1, 8):
        decoder.generate([list(range(1, 1 + length))], sampling(1, **GREEDY))
    assert decoder._decode.experimental_get_tracing_count() == 1
    assert decoder._prefill.experimental_get_tracing_count() <= 2


@pytest.mark.slow
def test_programs_are_few_whatever_the_prompts():
    """Of 40 prompts of 1 to 500 tokens: as many as there are lengths of caches."""
    sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "max_sequence_length": 512}
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=50, **sizes)
    decoder = Decoder(Writer(model, END_OF_TEXT))
    lengths = np.random.default_rng(1).integers(1, 500, 40).tolist()
    for length in lengths:
        decoder.generate([[7] * length], sampling(1, **GREEDY))
    expected = {cache_length(length + 8) for length in lengths}
    assert decoder._decode.experimental_get_tracing_count() == len(expected) <= 6
    assert decoder._prefill.experimental_get_tracing_count() <= 2 * len(expected)


@pytest.mark.slow
def test_graphs_of_a_decoder_that_is_gone_are_given_back():
    def num_graphs():
        gc.collect()
        return sum(type(x).__name__ == "FuncGraph" for x in gc.get_objects())

    def generate():
        small = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "max_sequence_length": 8}
        model = GPT2.from_preset("gpt2_tiny", vocabulary_size=50, **small)
        Decoder(Writer(model, END_OF_TEXT)).generate([[1]], sampling(1, 4, **GREEDY))

    generate()  # Kernels keep the programs of these shapes for all models.
    before = num_graphs()
    generate()
    assert num_graphs() <= before
