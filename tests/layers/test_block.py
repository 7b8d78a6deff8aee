"""Blocks, and what they are made of: feed-forward, projections, norms; token embeddings."""

import numpy as np
import pytest

from tests.contracts import check_in_a_keras_model, check_layer
from tfzoo.layers import (
    Block,
    Dropout,
    FeedForward,
    GatedFeedForward,
    LayerNormalization,
    MultiHeadSelfAttention,
    Projection,
    RMSNormalization,
    TokenEmbedding,
    TransformerBlock,
)
from tfzoo.layers.cross_attention import MultiHeadCrossAttention

X = np.random.default_rng(2).normal(size=(2, 5, 8)).astype("float32")


def test_layer_normalization_by_hand():
    layer = LayerNormalization(epsilon=0.5)
    layer.build((None, 3))
    layer.gamma.assign([1.0, 2.0, 3.0])
    layer.beta.assign([0.0, 1.0, 0.0])
    scale = 1 / np.sqrt(2 / 3 + 0.5)  # of (1, 2, 3): mean 2, variance 2/3
    y = layer(np.array([[1.0, 2.0, 3.0]], "float32"))
    np.testing.assert_allclose(y, [[-scale, 1, 3 * scale]], rtol=1e-6)


def test_layer_normalization_without_bias_is_that_with_a_bias_of_zero():
    bare, full = LayerNormalization(use_bias=False), LayerNormalization()
    np.testing.assert_array_equal(bare(X), full(X))
    assert [w.name for w in bare.weights] == ["gamma"]


def test_feed_forward_is_two_projections():
    layer = FeedForward(16, activation="relu")
    layer.build(X.shape)
    w1, b1, w2, b2 = (np.asarray(w) for w in layer.get_weights())
    expected = np.maximum(X @ w1 + b1, 0) @ w2 + b2
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_rms_normalization_by_hand():
    layer = RMSNormalization(epsilon=0.5)
    layer.build((None, 3))
    layer.gamma.assign([1.0, 2.0, -3.0])
    y = layer(np.array([[1.0, 2.0, 3.0]], "float32"))
    np.testing.assert_allclose(y, np.array([[1.0, 4.0, -9.0]]) / np.sqrt(14 / 3 + 0.5), rtol=1e-6)


def test_the_arithmetic_of_norms_is_float32():
    x = np.array([[3e4, 1e4, -2e4]], "float32")  # Their squares leave float16's range.
    for norm in (RMSNormalization, LayerNormalization):
        y = np.asarray(norm(dtype="mixed_float16")(x))
        assert y.dtype == np.float16
        np.testing.assert_allclose(y, norm()(x), rtol=1e-3)


def test_a_gate_multiplies():
    layer = GatedFeedForward(16, use_bias=True)
    layer.build(X.shape)
    layer.gate.bias.assign(np.linspace(-1, 1, 16))
    gate, wide, back = (
        np.asarray(p.kernel) for p in (layer.gate, layer.intermediate, layer.output_projection)
    )
    assert not np.allclose(gate, wide)
    gates = X @ gate + np.linspace(-1, 1, 16)
    expected = (gates / (1 + np.exp(-gates)) * (X @ wide)) @ back
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def made(**options):
    attention = MultiHeadSelfAttention(2, name="attention")
    return Block(attention, FeedForward(16, name="feed_forward"), **options)


def test_parallel_sublayers_read_the_same():
    block = made(order="parallel")
    expected = X + block.attention(block.attention_norm(X))
    expected += block.feed_forward(block.feed_forward_norm(X))
    np.testing.assert_allclose(block(X), expected, atol=1e-5)


@pytest.mark.parametrize("order", ["pre", "post"])
def test_cross_attention_stands_in_the_middle(order):
    memory = X[:, :3] * 2.0
    cross = MultiHeadCrossAttention(2, name="cross_attention")
    block = made(order=order, cross_attention=cross)
    block.build(X.shape)
    h, mask = X, np.array([[1, 1, 1], [1, 0, 0]], bool)
    for sublayer, norm in [
        (block.attention, block.attention_norm),
        (lambda x: cross(x, memory, mask), block.cross_attention_norm),
        (block.feed_forward, block.feed_forward_norm),
    ]:
        h = h + sublayer(norm(h)) if order == "pre" else norm(h + sublayer(h))
    np.testing.assert_allclose(block(X, memory=memory, memory_mask=mask), h, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "before"}, "Received: order=before"),
        ({"order": "parallel", "cross_attention": Projection(8)}, "order=parallel"),
    ],
)
def test_a_bad_order_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        made(**options)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_the_order_of_norm_and_sum(pre_norm):
    block = TransformerBlock(2, 16, pre_norm=pre_norm)
    block.build(X.shape)
    attend, feed = block.attention, block.feed_forward
    norm_1, norm_2 = block.attention_norm, block.feed_forward_norm
    if pre_norm:
        h = X + attend(norm_1(X))
        expected = h + feed(norm_2(h))
    else:
        h = norm_1(X + attend(X))
        expected = norm_2(h + feed(h))
    np.testing.assert_allclose(block(X), expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("pre_norm", [True, False])
def test_mixed_precision_keeps_weights_and_sum_in_float32(policy, pre_norm):
    wide = TransformerBlock(2, 16, causal=True, pre_norm=pre_norm)
    expected = np.asarray(wide(X))
    block = TransformerBlock(2, 16, causal=True, pre_norm=pre_norm, dtype=policy)
    block.build(X.shape)
    block.set_weights(wide.get_weights())
    y = np.asarray(block(X))
    assert {w.dtype for w in block.weights} == {"float32"}
    assert block.attention(X).dtype == policy.removeprefix("mixed_")
    if pre_norm:
        assert y.dtype == np.float32
    np.testing.assert_allclose(y.astype("float32"), expected, atol=0.05)
    assert np.abs(y - expected).max() > 0  # it did compute in fewer bits


LAYERS = {
    "block": (lambda: TransformerBlock(2, 16, causal=True, dropout=0.4), True),
    "post_norm_block": (lambda: TransformerBlock(2, 16, pre_norm=False, activation="relu"), False),
    "feed_forward": (lambda: FeedForward(16, dropout=0.4), True),
    "gated_feed_forward": (lambda: GatedFeedForward(16, dropout=0.4), True),
    "block_of_parts": (lambda: made(norm=RMSNormalization), False),
    "projection": (lambda: Projection(4, activation="gelu_erf"), False),
    "projection_without_bias": (lambda: Projection(4, use_bias=False, activation="silu"), False),
    "layer_normalization": (LayerNormalization, False),
    "layer_normalization_without_bias": (lambda: LayerNormalization(use_bias=False), False),
    "rms_normalization": (lambda: RMSNormalization(1e-3), False),
    "dropout": (lambda: Dropout(0.4), True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_contract(name):
    make, training_changes = LAYERS[name]
    check_layer(make(), X, training_changes=training_changes)


@pytest.mark.parametrize("pre_norm", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_block_works_in_anybodys_keras_model(pre_norm, tmp_path):
    check_in_a_keras_model(TransformerBlock(2, 16, pre_norm=pre_norm, dropout=0.1), X, tmp_path)


@pytest.mark.slow
def test_a_block_of_given_parts_works_there_too(tmp_path):
    check_in_a_keras_model(made(norm=RMSNormalization, order="parallel"), X, tmp_path)


def test_token_embedding_reads_rows_and_is_its_own_output():
    layer = TokenEmbedding(7, 4)
    y = layer(np.array([[3, 0]]))
    np.testing.assert_array_equal(y[0], layer.embeddings.numpy()[[3, 0]])
    np.testing.assert_array_equal(layer.output_weights(), layer.embeddings)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_bad_rate_is_an_error(rate):
    with pytest.raises(ValueError, match=f"Received: rate={rate}"):
        Dropout(rate)


def test_an_unknown_activation_is_an_error():
    with pytest.raises(ValueError, match="gelu_erf.*Received: activation=gelu$"):
        Projection(4, activation="gelu")


def test_paths_of_weights_begin_with_their_block():
    block = made(name="block_7")
    block.build(X.shape)
    twin = Block.from_config(block.get_config())
    twin.build(X.shape)
    assert {w.path.split("/")[0] for w in twin.weights} == {"block_7"}
    assert [w.path for w in twin.weights] == [w.path for w in block.weights]
