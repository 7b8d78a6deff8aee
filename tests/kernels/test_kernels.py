"""Each compiled kernel gives what its plain form gives, forward and backward."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


CAUSAL = np.tril(np.ones((1, 1, 5, 5), bool))
ANGLES = np.outer(np.arange(5), [1.0, 0.1]).astype("float32")
CASES = {
    "bias_add": (kernels.bias_add, [normal(2, 3, 8), normal(8)], {}),
    "bias_gelu_tanh": (
        kernels.bias_activation,
        [normal(2, 3, 8), normal(8)],
        {"activation": "gelu_tanh"},
    ),
    "bias_gelu_erf": (
        kernels.bias_activation,
        [normal(2, 3, 8), normal(8)],
        {"activation": "gelu_erf"},
    ),
    "bias_relu": (kernels.bias_activation, [normal(2, 3, 8), normal(8)], {"activation": "relu"}),
    "silu": (kernels.bias_activation, [normal(2, 3, 8)], {"activation": "silu"}),
    "gated_activation": (
        kernels.gated_activation,
        [normal(2, 3, 8), normal(2, 3, 8)],
        {"activation": "silu"},
    ),
    "bias_residual": (kernels.bias_residual, [normal(2, 3, 8), normal(8), normal(2, 3, 8)], {}),
    "layer_norm": (
        kernels.layer_norm,
        [normal(2, 3, 8), normal(8), normal(8)],
        {"epsilon": 1e-5, "dtype": "float32"},
    ),
    "layer_norm_without_beta": (
        kernels.layer_norm,
        [normal(2, 3, 8), normal(8)],
        {"epsilon": 1e-5, "dtype": "float32"},
    ),
    "rms_norm": (
        kernels.rms_norm,
        [normal(2, 3, 8), normal(8)],
        {"epsilon": 1e-5, "dtype": "float32"},
    ),
    "rotate": (
        lambda x: kernels.rotate(x, np.cos(ANGLES), np.sin(ANGLES)),
        [normal(2, 3, 5, 6)],
        {},
    ),
    "attention": (
        lambda q, k, v, **options: kernels.attention(q, k, v, CAUSAL, **options),
        [normal(2, 2, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)],
        {"scale": 0.3},
    ),
    "attention_with_dropout": (
        lambda q, k, v, **options: kernels.attention(
            q, k, v, CAUSAL, seed=tf.constant([3, 4, 0]), **options
        ),
        [normal(2, 2, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)],
        {"scale": 0.3, "dropout": 0.3},
    ),
    "attention_with_fewer_key_heads": (
        lambda q, k, v, **options: kernels.attention(q, k, v, CAUSAL, **options),
        [normal(2, 6, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)],
        {"scale": 0.3},
    ),
    "attention_with_bias": (
        lambda q, k, v, bias, **options: kernels.attention(
            q, k, v, CAUSAL, bias=bias, seed=tf.constant([3, 4, 0]), **options
        ),
        [normal(2, 4, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3), normal(1, 4, 5, 5)],
        {"scale": 1.0, "dropout": 0.3},
    ),
    "attention_of_one_query": (
        lambda q, k, v, **options: kernels.attention(q, k, v, CAUSAL[:, :, 3:4], **options),
        [normal(2, 2, 1, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)],
        {"scale": 0.3},
    ),
    "dropout": (
        lambda x, **options: kernels.stateless_dropout(x, tf.constant([3, 4, 0]), **options),
        [normal(40, 30)],
        {"rate": 0.3},
    ),
    "cross_entropy": (
        lambda h, w, **options: kernels.cross_entropy(
            h, w, tf.constant([0, 3, 6, 2]), tf.constant([1.0, 0.0, 2.0, 1.0]), **options
        ),
        [normal(4, 8), normal(7, 8)],
        {"label_smoothing": 0.1},
    ),
    "cross_entropy_with_bias": (
        lambda h, w, b, **options: kernels.cross_entropy(
            h, w, tf.constant([0, 3, 6, 2]), tf.constant([1.0, 0.0, 2.0, 1.0]), bias=b, **options
        ),
        [normal(4, 8), normal(7, 8), normal(7)],
        {"label_smoothing": 0.1},
    ),
}


def outcome(kernel, tensors, options, compiled):
    """The kernel's result and its gradients, for an upstream that is not symmetric."""

    @tf.function(autograph=False)
    def run(tensors):
        with kernels.compiled(compiled), tf.GradientTape() as tape:
            tape.watch(tensors)
            y = kernel(*tensors, **options)
            weighted = tf.reduce_sum(tf.cast(y, tf.float32) * tf.cos(_ramp(y)))
        return [y, *tape.gradient(weighted, tensors)]

    return [np.asarray(tf.cast(x, tf.float32)) for x in run(tensors)]


def _ramp(y):
    return tf.reshape(tf.range(tf.size(y), dtype=tf.float32), tf.shape(y))


@pytest.mark.parametrize("name", CASES)
def test_the_compiled_form_is_the_plain_form(name):
    kernel, arrays, options = CASES[name]
    tensors = [tf.constant(x) for x in arrays]
    plain = outcome(kernel, tensors, options, compiled=False)
    compiled = outcome(kernel, tensors, options, compiled=True)
    assert any(np.abs(x).max() > 0 for x in plain[1:])
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "name", ["bias_add", "bias_gelu_tanh", "layer_norm", "rms_norm", "attention"]
)
@pytest.mark.parametrize("compiled", [False, True])
def test_bfloat16_is_float32_up_to_rounding(name, compiled):
    kernel, arrays, options = CASES[name]
    if "dtype" in options:
        options = {**options, "dtype": "bfloat16"}
    wide = [tf.constant(x) for x in arrays]
    num_narrow = 3 if name == "attention" else 1
    narrow = [tf.cast(x, tf.bfloat16) for x in wide[:num_narrow]] + wide[num_narrow:]
    wide[:num_narrow] = [tf.cast(x, tf.float32) for x in narrow[:num_narrow]]
    options32 = {**options, "dtype": "float32"} if "dtype" in options else options
    expected = outcome(kernel, wide, options32, compiled)
    for a, b in zip(expected, outcome(kernel, narrow, options, compiled), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kernel", ["bias_add", "bias_gelu_tanh"])
def test_bias_gradients_of_bfloat16_are_summed_in_float32(kernel):
    function, _, options = CASES[kernel]
    x = tf.cast(normal(4096, 8), tf.bfloat16)
    bias = tf.zeros([8])
    exact = outcome(function, [tf.cast(x, tf.float32), bias], options, True)[2]
    for compiled in (False, True):
        summed = outcome(function, [x, bias], options, compiled)[2]
        assert np.abs(summed - exact).max() < 0.01 * np.abs(exact).max() + 0.3


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_with_bias"])
def test_cross_entropy_in_chunks_is_cross_entropy_at_once(name, monkeypatch):
    kernel, arrays, options = CASES[name]
    tensors = [tf.constant(x) for x in arrays]
    at_once = outcome(kernel, tensors, options, compiled=True)
    module = sys.modules["tfzoo.kernels.cross_entropy"]
    monkeypatch.setattr(module, "_CHUNK", 14)  # two rows of seven logits
    for a, b in zip(at_once, outcome(kernel, tensors, options, compiled=True), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [7, 4099])  # the larger one is padded in bfloat16
def test_a_factor_of_1_that_is_known_beforehand_spares_passes_and_changes_nothing(vocabulary):
    hidden, table = tf.cast(normal(4, 8), "bfloat16"), tf.cast(normal(vocabulary, 8), "bfloat16")
    bias, targets = tf.constant(normal(vocabulary)), tf.constant([0, 3, 6, 2])

    @tf.function(autograph=False)
    def gradients(factor):
        with kernels.compiled(), tf.GradientTape() as tape:
            tape.watch([hidden, table, bias])
            loss = kernels.cross_entropy(hidden, table, targets, tf.ones([4]), bias=bias)
            loss = loss if factor is None else factor * loss
        return tape.gradient(loss, [hidden, table, bias])

    given, computed = gradients(None), gradients(tf.constant(1.0))
    for x, y in zip(given, computed, strict=True):
        assert x.shape == y.shape and x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


def test_cross_entropy_by_hand():
    hidden, table = np.eye(2, dtype="float32"), np.array([[1, 0], [0, 2], [0, 0]], "float32")
    losses = [np.log(np.e + 2) - 1, np.log(np.e**2 + 2) - 0]  # targets 0 and 2
    loss = kernels.cross_entropy(hidden, table, [0, 2], [1.0, 3.0])
    assert float(loss) == pytest.approx(losses[0] + 3 * losses[1], rel=1e-6)


def test_cross_entropy_with_a_bias_by_hand():
    bias = np.array([0.0, 1.0, 2.0], "float32")
    loss = kernels.cross_entropy(tf.zeros([1, 2]), tf.zeros([3, 2]), [2], [1.0], bias=bias)
    assert float(loss) == pytest.approx(np.log(1 + np.e + np.e**2) - 2, rel=1e-6)


def test_dropout_keeps_the_mean_and_the_share():
    x = tf.ones([200, 500])
    y = kernels.stateless_dropout(x, tf.constant([1, 2, 0]), rate=0.2).numpy()
    assert set(np.unique(y).tolist()) == {0.0, 1.25}
    assert np.mean(y == 0) == pytest.approx(0.2, abs=0.005)


def test_dropout_of_parts_is_dropout_of_the_whole():
    x = tf.ones([6, 40])
    whole = kernels.stateless_dropout(x, tf.constant([1, 2, 0]), rate=0.5)
    parts = [kernels.stateless_dropout(x[:2], tf.constant([1, 2, i]), rate=0.5) for i in range(3)]
    np.testing.assert_array_equal(tf.concat(parts, 0), whole)


@pytest.mark.parametrize("compiled", [False, True])
def test_embedding_gradient_counts_each_use(compiled):
    table = tf.Variable(normal(5, 3))
    with tf.GradientTape() as tape, kernels.compiled(compiled):
        y = tf.reduce_sum(kernels.embedding_lookup(table, tf.constant([[1, 1], [4, 0]])))
    expected = np.zeros((5, 3))
    expected[[0, 1, 4]] = [[1], [2], [1]]
    np.testing.assert_array_equal(tape.gradient(y, table), expected)


@pytest.mark.parametrize(
    ("rows", "columns", "parts"), [(1, 6, 2), (1, 7, 7), (1, 15, 3), (1, 67, 1), (3, 6, 1)]
)
def test_a_turned_kernel_gives_the_same_product(rows, columns, parts):
    x, kernel = tf.constant(normal(rows, 4)), tf.constant(normal(4, columns))
    turned = kernels.turned(tf.transpose(kernel), rows)
    np.testing.assert_allclose(kernels.product(x, turned), kernels.product(x, kernel), atol=1e-6)
    assert turned.shape == (parts, columns // parts, 4)
    narrow = kernels.product(tf.cast(x, tf.bfloat16), turned)
    assert narrow.dtype == tf.bfloat16


def test_fewer_key_heads_are_read_by_runs_of_query_heads():
    query, key, value = normal(2, 6, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)
    read = kernels.attention(query, key, value, CAUSAL, scale=0.3)
    keys, values = (np.repeat(x, 3, axis=1) for x in (key, value))
    expected = kernels.attention(query, keys, values, CAUSAL, scale=0.3)
    np.testing.assert_allclose(read, expected, atol=1e-6)


def test_a_bias_of_logits_moves_attention():
    bias = np.where(np.arange(5) == 2, 50.0, 0.0).astype("float32")[None, None, None]
    value = normal(1, 1, 5, 3)
    everything = np.ones((1, 1, 1, 1), bool)
    query, key = normal(1, 1, 5, 3), normal(1, 1, 5, 3)
    read = kernels.attention(query, key, value, everything, scale=0.3, bias=bias)
    np.testing.assert_allclose(read, np.broadcast_to(value[:, :, 2:3], read.shape), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_a_padded_vocabulary_is_that_of_its_tokens(monkeypatch, dtype, smoothing):
    """The vocabulary's 7 tokens become 16 in bfloat16; the logits lie far below the padding's 0."""
    module = sys.modules["tfzoo.kernels.cross_entropy"]
    monkeypatch.setattr(module, "_WORTH_PADDING", 1)
    kernel = partial_cross_entropy(label_smoothing=smoothing)
    hidden = tf.cast(normal(4, 8), dtype)
    arrays = [hidden, tf.constant(normal(7, 8)), tf.constant(normal(7) - 200.0)]
    plain, compiled = (outcome(kernel, arrays, {}, compiled) for compiled in (False, True))
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(b, a, rtol=0.02, atol=0.02)


def partial_cross_entropy(**options):
    targets, weights = tf.constant([0, 3, 6, 2]), tf.constant([1.0, 0.0, 2.0, 1.0])
    return lambda h, w, bias: kernels.cross_entropy(h, w, targets, weights, bias=bias, **options)
