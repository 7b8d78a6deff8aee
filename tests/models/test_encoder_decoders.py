"""The Transformer and T5: their sizes, and what is each one's own."""

import numpy as np
import pytest
import tensorflow as tf

from tests.model_contract import IDS, SMALL, assert_close, check_model, stirred
from tfzoo import kernels, models
from tfzoo.layers import KeyValueCache
from tfzoo.layers.position import sinusoids

T5_1_1 = {"gated": True, "tied_embeddings": False}


def small(preset, **overrides):
    return models.from_preset(preset, **{**SMALL, "dropout": 0.0, **overrides})


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("transformer_tiny", {}),
        ("t5_tiny", {"head_dim": 6, "num_buckets": 8, "max_distance": 12}),
        pytest.param(
            "t5_tiny",
            {**T5_1_1, "num_decoder_layers": 1, "activation": "silu"},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["transformer", "t5", "t5_1_1"],
)
def test_contract(preset, overrides, tmp_path):
    check_model(preset, tmp_path, **overrides)


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("t5_small", 60_506_624),
        ("t5_base", 222_903_552),
        ("t5_large", 737_668_096),
        ("t5_1_1_small", 76_961_152),
        ("t5_1_1_base", 247_577_856),
        ("t5_1_1_large", 783_150_080),
    ],
)
def test_presets_have_the_published_parameters(preset, parameters, count):
    assert count(preset) == parameters


@pytest.mark.parametrize(
    ("preset", "paper"), [("transformer_base", 65e6), ("transformer_big", 213e6)]
)
def test_the_transformers_of_the_paper(preset, paper, count):
    """Vaswani et al., 2017, table 3, within 4 %.

    The paper rounds, and says "about 37000" tokens (section 5.1); we take 37,000. Its attention has
    no biases (section 3.2.2); ours has, as its feed-forward networks do (equation 2).
    """
    config = models.PRESETS[preset][1]
    m, f, v = config.hidden_dim, config.intermediate_dim, config.vocabulary_size
    attention, feed_forward, norm = 4 * (m * m + m), 2 * m * f + f + m, 2 * m
    encoder = attention + feed_forward + 2 * norm
    decoder = 2 * attention + feed_forward + 3 * norm
    parameters = v * m + 6 * (encoder + decoder)
    assert count(preset) == parameters
    assert abs(parameters / paper - 1) < 0.04


def test_the_transformer_adds_sinusoids_to_embeddings_times_the_root_of_m():
    model = small("transformer_tiny")
    table = model.token_embedding.embeddings.numpy()
    expected = table[IDS] * 32**0.5 + sinusoids(np.arange(9), 32).numpy()
    assert_close(model.embedded(IDS, None), expected)
    np.testing.assert_array_equal(model.output_weights(), table)


def test_t5_reads_relative_positions_shared_by_its_blocks():
    model = stirred(small("t5_tiny"))
    biases = [w.path for w in model.weights if "position_bias" in w.path]
    assert biases == [f"t5/{s}/position_bias/embeddings" for s in ("encoder", "decoder")]
    states = model.encode(IDS)
    for stack in (model.encoder, model.decoder):
        table = stack.position_bias.embeddings
        before = table.numpy()
        table.assign(np.roll(before, 1, axis=0))
        logits = model(IDS, IDS)
        table.assign(before)
        assert not np.allclose(logits, model(IDS, IDS), atol=1e-2)
    assert_close(model.encode(IDS), states)


def test_t5_scales_what_its_tied_table_reads():
    tied, untied = (stirred(small("t5_tiny", **options)) for options in ({}, T5_1_1))
    hidden = np.random.default_rng(0).normal(size=(3, 32)).astype("float32")
    assert_close(tied.logits(hidden), hidden @ tied.token_embedding.embeddings.numpy().T / 32**0.5)
    assert_close(untied.logits(hidden), hidden @ untied.output_table.embeddings.numpy().T)


def test_t5_drops_of_what_its_last_norms_give():
    model = small("t5_tiny", dropout=0.5)
    states = (model.encode(IDS, training=True), model.hidden_states(IDS, IDS, training=True))
    for dropped in states:
        assert 0.4 < np.mean(np.asarray(dropped) == 0) < 0.6
    assert np.all(model.encode(IDS) != 0)


def test_t5_has_no_biases_but_of_position():
    weights = {w.path.rpartition("/")[2] for w in small("t5_tiny", **T5_1_1).weights}
    assert weights == {"embeddings", "kernel", "gamma"}


@pytest.mark.parametrize("preset", ["transformer_tiny", "t5_tiny"])
def test_what_is_predicted_at_first_is_near_even(preset):
    """First weights are of a size that neither saturates the softmax nor starves it."""
    model = models.from_preset(preset, dropout=0.0, vocabulary_size=500)
    token_ids = np.random.default_rng(0).integers(0, 500, (4, 30)).astype("int32")
    spread = np.std(model(token_ids, token_ids))
    assert 0.05 < spread < 2, spread


def test_products_of_queries_and_keys_start_at_one():
    """T5 leaves out their scaling, so its first queries are smaller."""
    model = models.from_preset("t5_tiny", dropout=0.0)
    x = tf.random.stateless_normal([2, 40, 128], [1, 2])
    block = model.decoder.blocks[0]
    query, key, _ = tf.split(block.attention.query_key_value(x), 3, axis=-1)
    products = [query[..., :32] @ tf.linalg.matrix_transpose(key[..., :32])]
    query, key = block.cross_attention.query(x), block.cross_attention.keys_and_values(x)[0]
    products += [query[..., :32] @ tf.linalg.matrix_transpose(key[:, 0])]
    for product in products:
        assert 0.7 < np.std(product) < 1.3


@pytest.mark.parametrize(("preset", "compiled"), [("transformer_tiny", False), ("t5_tiny", True)])
def test_a_graph_writes_what_python_writes(preset, compiled):
    """In a loop that carries the cache's own part; the memory's stays outside.

    A plain graph takes any shape, an XLA program one.
    """
    model = stirred(small(preset, num_layers=1))
    start = np.zeros((2, 1), "int32")
    signature = None if compiled else [tf.TensorSpec([None, None], tf.int32)] * 2

    def choice(token_ids, cache):
        with kernels.compiled(compiled):
            return tf.argmax(model.logits(model.decode(token_ids, cache)), -1, tf.int32)

    @tf.function(input_signature=signature, autograph=False, jit_compile=compiled)
    def written(token_ids, last):
        first = model.new_cache(tf.shape(token_ids)[0], 6, model.encode(token_ids))
        tokens = tf.TensorArray(tf.int32, 6, element_shape=[None, 1])

        def body(step, last, keys, values, tokens):
            cache = KeyValueCache(keys, values, step, first.memory, first.memory_mask)
            last = choice(last, cache)
            return step + 1, last, cache.keys, cache.values, tokens.write(step, last)

        state = (tf.constant(0), last, first.keys, first.values, tokens)
        *_, tokens = tf.while_loop(lambda step, *_: step < 6, body, state)
        return tf.transpose(tokens.stack()[:, :, 0])

    cache = model.new_cache(2, 6, model.encode(IDS))
    tokens = [start]
    for _ in range(6):
        tokens.append(choice(tokens[-1], cache).numpy())
    np.testing.assert_array_equal(written(IDS, start), np.concatenate(tokens[1:], 1))
