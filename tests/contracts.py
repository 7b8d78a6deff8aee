"""What every layer, every model and every objective must do, whatever it computes."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf


def check_layer(layer, inputs, *, training_changes=False):
    """Holds a layer to its contract: same in a graph, rebuilt from its config, passes masks on.

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
    _check_keras_mask(layer, inputs, expected)


def _check_keras_mask(layer, inputs, expected):
    """A mask of Keras goes on to the output, and one that hides nothing changes nothing."""
    masked = keras.layers.Masking(mask_value=np.inf)(inputs)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*does not support masking")
        y = layer(masked)
    np.testing.assert_array_equal(y._keras_mask, np.ones(inputs.shape[:-1], bool))
    np.testing.assert_allclose(y, expected, atol=1e-5)


def check_in_a_keras_model(layer, inputs, folder):
    """Holds a layer to work in anybody's functional model: `fit`, `.keras` saving, export."""
    keras.utils.set_random_seed(0)
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


def check_task(task, model, store, *, sequence_length=16, steps=16):
    """Holds an objective to its contract: pure batches, sums that do not mind cuts, learning.

    Args:
        task: a `tfzoo.tasks.Task`.
        model: a small model, without heads.
        store: a small store of the kind that the task reads, of some 5 to 50 rows.
        sequence_length: int.
        steps: int, to train until the loss has fallen by a tenth.
    """
    assert model.kind in task.kinds
    for name, head in task.heads().items():
        model.add_head(name, head)
    _check_training_batches(task, store, sequence_length)
    before = _check_evaluation(task, model, store, sequence_length)
    _train(task, model, store, sequence_length, steps)
    after = task.results(_sums(task, model, store, sequence_length, 4))
    assert after["loss"] < 0.9 * before["loss"]
    assert all(np.isfinite(value) for value in after.values())
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:  # So that each of them matters.
        weight.assign(weight + random.normal(scale=0.3, size=weight.shape))
    _check_loss(task, model, store, sequence_length)


def _check_training_batches(task, store, length):
    def batches(number, **changes):
        arguments = {"sequence_length": length, "global_batch_size": 4, "seed": 3, **changes}
        return list(task.training_batches(store, **arguments).take(number).as_numpy_iterator())

    whole = batches(12)
    assert all(len(x) == 4 for x in whole[0].values())
    assert _equal(whole, batches(12))
    assert _equal(whole[4:], batches(8, first_step=5))
    assert not _equal(whole, batches(12, seed=4))
    parts = zip(batches(12, rows=(0, 1)), batches(12, rows=(1, 4)), strict=True)
    joined = [{name: np.concatenate([a[name], b[name]]) for name in a} for a, b in parts]
    assert _equal(whole, joined)


def _equal(batches, others):
    return all(
        batch.keys() == other.keys()
        and all(np.array_equal(batch[name], other[name]) for name in batch)
        for batch, other in zip(batches, others, strict=True)
    )


def _check_evaluation(task, model, store, length):
    sums = _sums(task, model, store, length, 4)
    others = _sums(task, model, store, length, 2, num_shards=3)
    assert others.keys() == sums.keys()
    for name, value in sums.items():
        np.testing.assert_allclose(others[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
    _check_loss(task, model, store, length)
    return task.results(sums)


def _check_loss(task, model, store, length):
    """`loss` and `measures` say the same, and nothing of rows of weight 0."""
    batch = next(iter(task.evaluation_batches(store, sequence_length=length, batch_size=4)))
    sums = task.measures(model, batch)
    assert float(task.loss(model, batch)) == pytest.approx(float(sums["loss"]), rel=1e-4)
    assert float(sums["num_targets"]) == np.sum(batch["weights"]) > 0
    assert not np.isclose(task.loss(model, batch, label_smoothing=0.5), sums["loss"]) or (
        task.data_kind == "scored"
    )
    empty = {k: x * 0.0 if k.endswith("weights") else x for k, x in batch.items()}
    assert not any(np.any(value) for value in task.measures(model, empty).values())
    assert float(task.loss(model, empty)) == 0.0


def _sums(task, model, store, length, batch_size, num_shards=1):
    """What all batches of all shards measure in sum."""
    sizes = {"sequence_length": length, "batch_size": batch_size}
    totals = {}
    for index in range(num_shards):
        batches = list(task.evaluation_batches(store, shard=(index, num_shards), **sizes))
        assert len(batches) == task.num_evaluation_batches(store, num_shards=num_shards, **sizes)
        for batch in batches:
            for name, value in task.measures(model, batch).items():
                totals[name] = totals.get(name, 0.0) + value.numpy().astype(np.float64)
    return totals


def _train(task, model, store, length, steps):
    """Steps of equal size, each weight against the sign of its gradient."""
    weights = model.trainable_variables
    arguments = {"sequence_length": length, "global_batch_size": 4, "seed": 0}
    for batch in task.training_batches(store, **arguments).take(steps):
        with tf.GradientTape() as tape:
            loss = task.loss(model, batch, training=True) / tf.reduce_sum(batch["weights"])
        gradients = tape.gradient(loss, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                weight.value.assign_sub(0.01 * tf.sign(tf.convert_to_tensor(gradient)))
