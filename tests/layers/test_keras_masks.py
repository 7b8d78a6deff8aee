"""Masks that Keras carries along, of `Embedding(mask_zero=True)`: what they hide, where they go."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo.layers import (
    Block,
    GatedFeedForward,
    KeyValueCache,
    LayerNormalization,
    MultiHeadSelfAttention,
    PositionalEncoding,
    PositionEmbedding,
    RMSNormalization,
    RotaryEmbedding,
    TransformerBlock,
    recomputed,
)
from tfzoo.layers.cross_attention import MultiHeadCrossAttention
from tfzoo.layers.heads import ClassificationHead, TokenClassificationHead

pytestmark = pytest.mark.filterwarnings("error:.*does not support masking")

IDS = np.array([[3, 1, 4, 1, 5], [2, 6, 5, 0, 0]], "int32")
REAL = IDS != 0
ROW, LENGTH = 1, 3  # What of IDS is padded, and the tokens there.


def embedded(ids, **options):
    return keras.layers.Embedding(7, 8, mask_zero=True, **options)(ids)


def model_of(*layers, **options):
    ids = keras.Input([None], dtype="int32")
    x = embedded(ids, **options)
    for layer in layers:
        x = layer(x)
    return keras.Model(ids, x)


def made(**options):
    attention = MultiHeadSelfAttention(2, rotary=RotaryEmbedding(), name="attention")
    return Block(attention, GatedFeedForward(16, name="feed_forward"), **options)


STACKS = {
    "attention": lambda: [MultiHeadSelfAttention(2)],
    "causal": lambda: [PositionalEncoding(), TransformerBlock(2, 16, causal=True)],
    "pre_norm": lambda: [PositionEmbedding(9), TransformerBlock(2, 16), LayerNormalization()],
    "post_norm": lambda: [TransformerBlock(2, 16, pre_norm=False, dropout=0.1) for _ in range(2)],
    "parallel": lambda: [made(order="parallel", norm=RMSNormalization), RMSNormalization()],
    "tags": lambda: [made(), TokenClassificationHead(3)],
    "pooled": lambda: [
        TransformerBlock(2, 16),
        keras.layers.GlobalAveragePooling1D(),
        ClassificationHead(3, hidden_layer=True),
    ],
}


@pytest.mark.parametrize("name", STACKS)
def test_a_padded_row_reads_as_the_row_alone(name):
    model = model_of(*STACKS[name]())
    padded, alone = np.asarray(model(IDS))[ROW], np.asarray(model(IDS[ROW:, :LENGTH]))[0]
    np.testing.assert_allclose(padded if name == "pooled" else padded[:LENGTH], alone, atol=1e-5)
    np.testing.assert_allclose(tf.function(model)(IDS)[ROW], padded, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
@pytest.mark.parametrize("name", STACKS)
def test_padding_changes_nothing_in_any_precision(name, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = model_of(*STACKS[name]())
    finally:
        keras.config.set_dtype_policy(before)
    real = np.s_[:] if name == "pooled" else REAL
    expected = model(IDS).numpy()[real]
    table = model.layers[1].embeddings
    table.assign(table + 3.0 * (np.arange(7) == 0)[:, None])
    np.testing.assert_array_equal(model(IDS).numpy()[real], expected)


def test_a_mask_ends_where_the_time_axis_does():
    model = model_of(*STACKS["tags"]())
    np.testing.assert_array_equal(model(IDS)._keras_mask, REAL)
    assert getattr(model_of(*STACKS["pooled"]())(IDS), "_keras_mask", None) is None


@pytest.mark.parametrize("name", ["attention", "parallel"])
def test_a_given_mask_hides_too(name):
    layer, x = STACKS[name]()[0], embedded(IDS)
    given = np.array([[0, 1, 1, 1, 1], [0, 1, 1, 1, 1]], bool)
    plain = tf.identity(x)  # Without a mask of Keras.
    expected = layer(plain, padding_mask=REAL & given)
    np.testing.assert_allclose(layer(x, padding_mask=given), expected, atol=1e-6)
    assert not np.allclose(layer(plain, padding_mask=given), expected, atol=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiHeadCrossAttention(2),
        lambda: made(cross_attention=MultiHeadCrossAttention(2, name="cross_attention")),
    ],
)
def test_padding_of_a_memory_is_not_read(make):
    ids, memory_ids = (keras.Input([None], dtype="int32") for _ in range(2))
    y = make()(embedded(ids), memory=embedded(memory_ids))
    model = keras.Model([ids, memory_ids], y)
    words = np.array([[1, 2, 0], [3, 4, 0]])
    padded = model([words, IDS])
    np.testing.assert_array_equal(padded._keras_mask, words != 0)
    alone = model([words[ROW:, :2], IDS[ROW:, :LENGTH]])
    np.testing.assert_allclose(padded[ROW, :2], alone[0], atol=1e-5)


def test_a_given_mask_of_a_memory_hides_too():
    layer, memory, given = MultiHeadCrossAttention(2), embedded(IDS), np.array([[0, 1, 1, 1, 1]])
    x = tf.identity(memory[:, :2])
    expected = layer(x, memory=tf.identity(memory), memory_mask=REAL & (given == 1))
    np.testing.assert_allclose(layer(x, memory=memory, memory_mask=given), expected, atol=1e-6)


def test_a_cache_has_columns_of_its_own():
    layer, x = MultiHeadSelfAttention(2, causal=True), embedded(IDS)
    columns = np.pad(np.ones([2, 5], bool), [(0, 0), (2, 0)])
    outputs = []
    for new in (x, tf.identity(x)):
        zeros = np.zeros((2, 2, 7, 4), "float32")
        cache = KeyValueCache([zeros], [zeros], np.int32(2)).layer(0)
        outputs.append(layer(new, padding_mask=columns, cache=cache))
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("run", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_a_recomputed_layer_masks_in_both_passes(run):
    embedding, block = keras.layers.Embedding(7, 8, mask_zero=True), TransformerBlock(2, 16)
    block(embedding(IDS))

    def gradients(layer):
        with tf.GradientTape() as tape:
            y = layer(embedding(IDS))
            loss = tf.reduce_sum(tf.sin(y)[y._keras_mask])
        weights = [embedding.embeddings, *block.trainable_variables]
        slopes = tape.gradient(loss, [weight.value for weight in weights])
        return [tf.convert_to_tensor(slope) for slope in slopes]

    expected = run(lambda: gradients(block))()
    for slope, other in zip(run(lambda: gradients(recomputed(block)))(), expected, strict=True):
        np.testing.assert_allclose(slope, other, rtol=1e-4, atol=1e-4)


def compiled(layers):
    model = model_of(*layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    return model


def test_losses_and_metrics_are_those_of_real_places():
    model = compiled([TransformerBlock(2, 16, causal=True), TokenClassificationHead(7)])
    targets = np.random.default_rng(0).integers(0, 7, IDS.shape)
    logits = np.asarray(model(IDS))
    nats = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    expected = np.mean(np.asarray(nats)[REAL])
    right = np.mean((logits.argmax(-1) == targets)[REAL])
    evaluated = model.evaluate(IDS, targets, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(expected, abs=1e-5)
    assert evaluated["accuracy"] == pytest.approx(right, abs=1e-6)
    first = model.fit(IDS, targets, epochs=3, verbose=0).history["loss"]
    assert first[0] == pytest.approx(expected, abs=1e-5) and first[-1] < first[0]


def test_a_saved_model_masks_as_before(tmp_path):
    layers = [made(), TransformerBlock(2, 16, dropout=0.1), TokenClassificationHead(3)]
    model = keras.Sequential([keras.layers.Embedding(7, 8, mask_zero=True), *layers])
    expected = np.asarray(model(IDS))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(IDS), expected, atol=1e-6)
    np.testing.assert_allclose(loaded(IDS[ROW:, :LENGTH])[0], expected[ROW, :LENGTH], atol=1e-5)
    np.testing.assert_allclose(loaded.predict(IDS, verbose=0), expected, atol=1e-5)
