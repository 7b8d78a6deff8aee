"""GPT-2: its sizes, its laws, and its life as a Keras model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contracts import check_language_model
from tfzoo import kernels, layers, models

SMALL = {"vocabulary_size": 61, "num_layers": 3, "hidden_dim": 32, "max_sequence_length": 24}
IDS = np.random.default_rng(4).integers(0, 61, (4, 13)).astype("int32")


def small(**overrides):
    keras.utils.set_random_seed(0)
    return models.GPT2.from_preset("gpt2_tiny", **{**SMALL, **overrides})


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("gpt2_small", 124_439_808),
        ("gpt2_medium", 354_823_168),
        ("gpt2_large", 774_030_080),
        ("gpt2_xl", 1_557_611_200),
    ],
)
def test_presets_have_the_published_parameters(preset, parameters, count):
    assert count(preset) == parameters


def test_counting_equals_building():
    assert models.count_parameters("gpt2_tiny", **SMALL) == small().count_params()


def test_without_biases_the_model_is_the_one_whose_biases_are_zero():
    full, bare = small(dropout=0.0), small(dropout=0.0, use_bias=False)
    kept = [w for w in full.weights if w.name not in ("bias", "beta")]
    assert [w.path for w in bare.weights] == [w.path for w in kept]
    assert all(not np.any(w) for w in full.weights if w.name in ("bias", "beta"))
    bare.set_weights([np.asarray(w) for w in kept])
    np.testing.assert_allclose(bare(IDS), full(IDS), atol=1e-6)


@pytest.mark.parametrize("use_bias", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("compiled", [False, True])
def test_language_model_laws(compiled, use_bias):
    model = small(use_bias=use_bias)
    for block in model.decoder.blocks:  # far from zero, so that attention matters
        block.attention.query_key_value.kernel.assign(block.attention.query_key_value.kernel * 20.0)
    with kernels.compiled(compiled):
        check_language_model(model)


def test_the_compiled_pass_is_the_plain_pass():
    model = small()

    @tf.function(autograph=False)
    def compiled(ids):
        with kernels.compiled():
            return model(ids)

    np.testing.assert_allclose(compiled(IDS), model(IDS), atol=1e-5)


def gradients(model, remat, compiled):
    model.decoder.remat = remat

    @tf.function(autograph=False)
    def run():
        with kernels.compiled(compiled), layers.dropout_seed(tf.constant([5, 6, 0])):
            with tf.GradientTape() as tape:
                hidden = model.hidden_states(IDS[:, :-1], training=True)
                loss = kernels.cross_entropy(
                    tf.reshape(hidden, [-1, 32]),
                    model.output_weights(),
                    IDS[:, 1:].reshape(-1),
                    tf.ones([48]),
                )
            weights = [w.value for w in model.trainable_weights]
            return [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    return run()


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_recomputation_changes_no_gradient_even_with_dropout(compiled):
    model = small(dropout=0.3)
    kept = gradients(model, remat=False, compiled=compiled)
    recomputed = gradients(model, remat=True, compiled=compiled)
    for a, b in zip(kept, recomputed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_remat_computes_the_blocks_again():
    model = small(dropout=0.0)

    def products(remat):
        model.decoder.remat = remat

        @tf.function(autograph=False)
        def run():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(model.hidden_states(IDS, training=True))
            return tape.gradient(loss, model.decoder.token_embedding.embeddings.value)

        operations = run.get_concrete_function().graph.get_operations()
        return sum("MatMul" in operation.type for operation in operations)

    assert products(remat=True) > products(remat=False)


def test_dropout_is_a_function_of_seed_and_layer():
    model = small(dropout=0.3)

    def run(seed):
        with layers.dropout_seed(tf.constant(seed)):
            return np.asarray(model(IDS, training=True))

    np.testing.assert_array_equal(run([1, 2, 0]), run([1, 2, 0]))
    assert not np.allclose(run([1, 2, 0]), run([1, 3, 0]))
    x = tf.ones([4, 4, 32])
    with layers.dropout_seed(tf.constant([1, 2, 0])):
        first, second = (
            b.feed_forward.output_projection.dropout(x, training=True)
            for b in model.decoder.blocks[:2]
        )
    assert not np.array_equal(first, second)


@pytest.mark.slow
def test_a_keras_model_that_fits_and_saves(tmp_path):
    model = small(dropout=0.0)
    model.compile(
        keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    losses = model.fit(IDS[:, :-1], IDS[:, 1:], epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    model.save(tmp_path / "gpt2.keras")
    loaded = keras.saving.load_model(tmp_path / "gpt2.keras")
    np.testing.assert_allclose(loaded(IDS), model(IDS), atol=1e-6)
    assert loaded.config == model.config


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_float32_up_to_rounding(policy):
    wide, narrow = small(), small(dtype=policy)
    narrow.set_weights(wide.get_weights())
    assert narrow.hidden_states(IDS).dtype == policy.removeprefix("mixed_")
    assert narrow(IDS).dtype == tf.float32
    np.testing.assert_allclose(narrow(IDS), wide(IDS), atol=0.02)


def test_model_json_builds_the_same_model(tmp_path):
    model = small(dropout=0.2)
    models.save_config(model, tmp_path / "model.json")
    again = models.load_config(tmp_path / "model.json")
    assert again.config == model.config
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


def test_variable_paths_do_not_depend_on_the_models_before():
    assert [w.path for w in small().weights] == [w.path for w in small().weights]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"num_heads": 3, "hidden_dim": 32}, "num_heads=3, hidden_dim=32"),
        ({"dropout": 1.0}, "`dropout` must be in"),
        ({"num_layers": 0}, "`num_layers` must be at least 1"),
    ],
)
def test_bad_sizes_are_errors(overrides, message):
    with pytest.raises(ValueError, match=message):
        models.from_preset("gpt2_tiny", **overrides)


def test_intermediate_dim_follows_hidden_dim():
    assert small().config.intermediate_dim == 128
    assert small(intermediate_dim=48).config.intermediate_dim == 48


def test_an_unknown_preset_is_an_error():
    with pytest.raises(ValueError, match="gpt2_small.*Received: name=gpt5"):
        models.from_preset("gpt5")


def test_a_broken_model_json_is_an_error(tmp_path):
    (tmp_path / "model.json").write_text('{"family": "gpt2", "config": {"num_layers"')
    with pytest.raises(ValueError, match="--model_dir"):
        models.load_config(tmp_path / "model.json")


def test_a_head_is_saved_and_described_with_the_model(tmp_path):
    model = small()
    head = model.add_head("labels", layers.Projection(3, activation="relu"))
    assert head.kernel.path == "gpt2/heads/labels/kernel"
    assert any(w is head.bias for w in model.trainable_weights)
    models.save_config(model, tmp_path / "model.json")
    again = models.load_config(tmp_path / "model.json")
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    model.save(tmp_path / "gpt2.keras")
    loaded = keras.saving.load_model(tmp_path / "gpt2.keras")
    pooled = model.pooled(model.hidden_states(IDS))
    np.testing.assert_allclose(loaded.heads["labels"](pooled), head(pooled), atol=1e-6)
    with pytest.raises(ValueError, match="Received: name=labels"):
        model.add_head("labels", layers.Projection(2))
