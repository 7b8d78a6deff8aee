"""What every layer and every model must do, whatever it computes."""

import keras
import numpy as np
import tensorflow as tf


def check_layer(layer, inputs, *, training_changes=False):
    """Holds a layer to its contract: same in a graph, rebuilt from its config, saved, trained.

    Args:
        layer: a Keras layer, built or not.
        inputs: array, what it is called with.
        training_changes: bool. Whether `training=True` gives something else (dropout).
    """
    expected = np.asarray(layer(inputs))
    assert np.all(np.isfinite(expected))
    np.testing.assert_allclose(tf.function(layer)(inputs), expected, atol=1e-5)
    assert not training_changes or not np.allclose(layer(inputs, training=True), expected)

    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    twin(inputs)
    twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(twin(inputs), expected, atol=1e-6)


def check_in_a_keras_model(layer, inputs, folder):
    """Holds a layer to work in anybody's functional model: `fit`, `.keras` saving, export."""
    inputs = np.asarray(inputs)
    entry = keras.Input(inputs.shape[1:], dtype=inputs.dtype.name)
    model = keras.Model(entry, keras.layers.Dense(1)(layer(entry)))
    expected = model.predict(inputs, verbose=0)
    model.compile(keras.optimizers.Adam(1e-2), "mse", auto_scale_loss=False)
    targets = np.ones(expected.shape, "float32")
    history = model.fit(inputs, targets, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]

    trained = model.predict(inputs, verbose=0)
    path = str(folder / "model.keras")
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), trained, atol=1e-5)


def check_language_model(model, *, pad_to=3):
    """Holds a causal language model to its laws: causality, padding invariance, cached = full."""
    vocabulary, t = model.config.vocabulary_size, 9
    token_ids = np.random.default_rng(0).integers(0, vocabulary, (2, t)).astype("int32")
    full = np.asarray(model(token_ids))
    assert full.shape == (2, t, vocabulary) and full.dtype == np.float32

    _check_causal(model, token_ids, full)
    _check_padding(model, token_ids, full, pad_to)
    _check_cache(model, token_ids, full)


def _check_causal(model, token_ids, full):
    other = token_ids.copy()
    other[:, 5:] = (other[:, 5:] + 1) % model.config.vocabulary_size
    changed = np.asarray(model(other))
    np.testing.assert_allclose(changed[:, :5], full[:, :5], atol=1e-5)
    assert not np.allclose(changed[:, 5:], full[:, 5:], atol=1e-3)


def _check_padding(model, token_ids, full, pad):
    t = token_ids.shape[1]
    for left, right in [(pad, 0), (0, pad)]:
        padded = np.pad(token_ids, [(0, 0), (left, right)], constant_values=1)
        mask = np.zeros(padded.shape, bool)
        mask[:, left : left + t] = True
        logits = np.asarray(model(padded, padding_mask=mask))
        np.testing.assert_allclose(logits[:, left : left + t], full, atol=1e-5)


def _check_cache(model, token_ids, full):
    """Row 0 whole, row 1 padded on the left: each column as without a cache."""
    t, columns = token_ids.shape[1], 16
    rows = np.stack([token_ids[0], np.roll(token_ids[1], 2)])
    mask = np.ones((2, columns), bool)
    mask[1, :2] = False
    cache = model.new_cache(2, columns)
    pieces = [model(rows[:, :4], padding_mask=mask, cache=cache)]
    for i in range(4, t):
        pieces.append(model(rows[:, i : i + 1], padding_mask=mask, cache=cache))
    cached = np.concatenate(pieces, 1)
    assert int(cache.index) == t
    np.testing.assert_allclose(cached[0], full[0], atol=1e-5)
    np.testing.assert_allclose(cached[1, 2:], full[1, : t - 2], atol=1e-5)
