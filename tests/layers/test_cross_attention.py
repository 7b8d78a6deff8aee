"""MultiHeadCrossAttention: what a decoder reads of the encoder's states."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels
from tfzoo.layers import KeyValueCache
from tfzoo.layers.cross_attention import MultiHeadCrossAttention

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(2, 3, 8)).astype("float32")
MEMORY = RANDOM.normal(size=(2, 5, 6)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 1, 0]], bool)


def built(**options):
    layer = MultiHeadCrossAttention(2, **options)
    layer.build(X.shape, MEMORY.shape)
    return layer


def by_hand(layer, scale):
    """Equation 1 in numpy, a row, a head and a token at a time."""
    query, key_value, output = (
        [np.asarray(w) for w in projection.get_weights()]
        for projection in (layer.query, layer.key_value, layer.output_projection)
    )
    q = X @ query[0] + query[1]
    k, v = np.split(MEMORY @ key_value[0] + key_value[1], 2, -1)
    d = q.shape[-1] // 2
    read = np.zeros_like(q)
    for row in range(2):
        for head in range(2):
            part = slice(head * d, (head + 1) * d)
            keys, values = k[row, MASK[row], part], v[row, MASK[row], part]
            for t in range(3):
                weights = np.exp(scale * keys @ q[row, t, part])
                read[row, t, part] = weights / weights.sum() @ values
    return read @ output[0] + output[1]


@pytest.mark.parametrize(
    ("options", "scale"), [({}, 0.5), ({"head_dim": 3}, 3**-0.5), ({"scale": 1.0}, 1.0)]
)
def test_cross_attention_by_hand(options, scale):
    layer = built(**options)
    for bias in (w for w in layer.weights if w.path.endswith("bias")):
        bias.assign(RANDOM.normal(size=bias.shape))
    expected = by_hand(layer, scale)
    np.testing.assert_allclose(layer(X, memory=MEMORY, memory_mask=MASK), expected, atol=1e-5)


def test_padding_of_the_memory_is_not_read():
    layer, other = built(), MEMORY.copy()
    other[~MASK] += 100.0
    before, after = (layer(X, memory=m, memory_mask=MASK) for m in (MEMORY, other))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_a_cache_holds_the_memorys_keys_and_values():
    layer = built()
    full = layer(X, memory=MEMORY, memory_mask=MASK, residual=X)
    cache = KeyValueCache([], [], 0, [layer.keys_and_values(MEMORY)], MASK).layer(0)
    steps = [layer(X[:, t : t + 1], cache=cache, residual=X[:, t : t + 1]) for t in range(3)]
    np.testing.assert_allclose(np.concatenate(steps, 1), full, atol=1e-5)


def gradients(layer, compiled):
    memory = tf.constant(MEMORY)

    @tf.function(autograph=False)
    def run():
        with kernels.compiled(compiled), tf.GradientTape() as tape:
            tape.watch(memory)
            y = layer(X, memory=memory, memory_mask=MASK, residual=X)
            loss = tf.reduce_sum(y**2)
        return tape.gradient(loss, [memory, *(w.value for w in layer.weights)])

    return [np.asarray(gradient) for gradient in run()]


def test_the_memory_learns_compiled_or_not():
    layer = built()
    plain, compiled = (gradients(layer, compiled) for compiled in (False, True))
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert np.abs(plain[0][MASK]).min() > 0
    assert not plain[0][~MASK].any()


def test_without_biases():
    assert not [w.path for w in built(use_bias=False).weights if "bias" in w.path]


def test_dropout_in_training_only():
    layer = built(dropout=0.5)
    expected = layer(X, memory=MEMORY)
    assert not np.allclose(layer(X, memory=MEMORY, training=True), expected)
    np.testing.assert_array_equal(layer(X, memory=MEMORY), expected)


def test_rebuilt_from_its_config():
    layer = built(head_dim=3, scale=1.0, use_bias=False, dropout=0.1)
    twin = MultiHeadCrossAttention.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    twin(X, memory=MEMORY)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(X, memory=MEMORY), layer(X, memory=MEMORY))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="Received: num_heads=3, input width=8"):
        MultiHeadCrossAttention(3).build((None, None, 8))
