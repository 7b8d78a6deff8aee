"""Kernels, keys and values of bfloat16, two numbers a word."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels.write_columns import in_pairs

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype("float32")


ON_CPU = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="A GPU multiplies bfloat16 itself."
)


@ON_CPU
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("rows", "length", "parts"), [(1, 8, 1), (1, 48, 1), (3, 64, 1), (8, 784, 2), (5, 1600, 4)]
)
def test_few_rows_read_a_kernel_of_bfloat16_in_pairs(rows, length, parts, compiled):
    x, kernel = normal(rows, length), tf.cast(normal(length, 5), tf.bfloat16)
    turned = _turned_by_xla(kernel, rows)
    assert (turned.dtype, turned.shape) == (tf.uint32, (4, parts, 5, length // (8 * parts)))
    product = tf.function(kernels.product, jit_compile=compiled)
    expected = x @ tf.cast(kernel, tf.float32).numpy()
    np.testing.assert_allclose(product(x, turned), expected, rtol=1e-5, atol=1e-5)
    assert product(tf.cast(x, tf.bfloat16), turned).dtype == tf.bfloat16
    x[0, 0] = np.nan  # Of one row: the others know nothing of it.
    y = product(x, turned).numpy()
    assert np.isnan(y[0]).all()
    np.testing.assert_allclose(y[1:], expected[1:], rtol=1e-5, atol=1e-5)


@ON_CPU
@pytest.mark.parametrize(
    ("rows", "length"), [(9, 16), pytest.param(1, 12, id="no pairs"), (1, 8 * 1031)]
)
def test_others_read_it_in_float32(rows, length):
    kernel = tf.cast(normal(length, 6), tf.bfloat16)
    turned = _turned_by_xla(kernel, rows)
    assert turned.dtype == tf.float32
    np.testing.assert_array_equal(tf.reshape(turned, [6, length]), tf.transpose(kernel))


def _turned_by_xla(kernel, rows):
    with kernels.compiled(gradients=False, whole=True):
        return kernels.turned(tf.transpose(kernel), rows)


def rounded(*shape):
    return tf.cast(tf.cast(normal(*shape), tf.bfloat16), tf.float32).numpy()


def pairs_of(key, value, size=4):
    return in_pairs(key, size), in_pairs(value, size, of_values=True)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
def test_keys_and_values_may_come_in_pairs(heads, biased, compiled):
    query, key, value = normal(2, heads[0], 1, 6), *(rounded(2, heads[1], 12, 6) for _ in range(2))
    mask = np.array([[1, 1, 0, 1] + [0] * 8, [0, 1] * 3 + [1] * 5 + [0]], bool)[:, None, None]
    how = {"scale": 0.3, "bias": 9 * normal(1, heads[0], 1, 12) if biased else None}
    words = pairs_of(key, value)
    assert [(x.dtype, *x.shape) for x in words] == [
        (tf.uint32, 3, 2, heads[1], 4, 3),
        (tf.uint32, 3, 2, heads[1], 6, 2),
    ]
    attention = tf.function(kernels.attention, jit_compile=compiled)
    expected = kernels.attention(query, key, value, mask, **how)
    np.testing.assert_allclose(attention(query, *words, mask, **how), expected, atol=1e-6)
    narrow = attention(tf.cast(query, tf.bfloat16), *words, mask, **how)
    assert narrow.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(narrow, tf.float32), expected, atol=0.05)
    key[1], value[1], query[1] = np.nan, np.nan, np.nan  # Of one row: the other is as it was.
    read = attention(query, *pairs_of(key, value), mask, **how).numpy()
    assert np.isnan(read[1]).all()
    np.testing.assert_allclose(read[:1], expected[:1], atol=1e-6)


def test_a_block_of_pairs_that_none_may_read_is_not_read():
    query, key, value = normal(2, 4, 1, 6), rounded(2, 4, 12, 6), rounded(2, 4, 12, 6)
    mask = np.array([[1] * 4 + [0] * 8, [0] * 11 + [1]], bool)[:, None, None]
    expected = kernels.attention(query, key, value, mask, scale=0.3)
    key[:, :, 4:8] = value[:, :, 4:8] = np.nan
    read = kernels.attention(query, *pairs_of(key, value), mask, scale=0.3)
    np.testing.assert_allclose(read, expected, atol=1e-6)


@pytest.mark.parametrize("of_values", [False, True])
@pytest.mark.parametrize("index", range(12))
def test_a_column_is_written_to_its_half_of_the_pairs(index, of_values):
    cache, new = rounded(2, 3, 12, 4), rounded(2, 3, 1, 4)
    new[0, 0, 0, 0] = -0.0
    words = in_pairs(cache, 4, of_values=of_values)
    how = {"of_values": of_values}
    written = kernels.write_columns(words, tf.constant(new), tf.constant(index), **how)
    cache[:, :, index : index + 1] = new
    np.testing.assert_array_equal(written, in_pairs(cache, 4, **how))
