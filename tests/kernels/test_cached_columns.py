"""A cache in each form that it has: columns are written where they belong, and read as one."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels.attention import folded

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("index", "count"), [(3, 2), (0, 4), (4, 2), (0, 6), (0, 1), (5, 1)])
@pytest.mark.parametrize("compiled", [False, True])
def test_write_columns_replaces_just_those_columns(compiled, index, count):
    cache, new = normal(2, 1, 6, 3), normal(2, 1, count, 3)

    @tf.function(autograph=False)
    def write(index):
        with kernels.compiled(compiled):
            return kernels.write_columns(tf.constant(cache), tf.constant(new), index)

    expected = cache.copy()
    expected[:, :, index : index + count] = new
    written = write(tf.constant(index))
    np.testing.assert_array_equal(written, expected)
    assert written.shape == cache.shape


@pytest.mark.parametrize(("count", "op"), [(1, "TensorStridedSliceUpdate"), (None, "ConcatV2")])
def test_only_one_column_is_written_in_place(count, op):
    """A loop that copied its cache at each step would be slower the longer that is."""
    shapes = [None, 2, None, 3], [None, 2, count, 3]
    write = tf.function(lambda *x: kernels.write_columns(*x, tf.constant(0)), autograph=False)
    graph = write.get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    ops = {node.type for node in graph.get_operations()}
    assert ops & {"TensorStridedSliceUpdate", "ConcatV2"} == {op}


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 2)])
def test_keys_of_one_row_may_come_as_of_two(heads, biased):
    query, key, value = normal(1, heads[0], 1, 3), *(normal(1, heads[1], 5, 3) for _ in range(2))
    mask = RNG.uniform(size=(1, heads[0] if biased else 1, 1, 5)) < 0.7
    how = {"scale": 0.3, "bias": normal(1, heads[0], 1, 5) if biased else None}
    keys, values = folded(key), folded(value)
    assert keys.shape == (2, heads[1] // 2, 5, 3)
    read = kernels.attention(query, keys, values, mask, **how)
    np.testing.assert_allclose(read, kernels.attention(query, key, value, mask, **how), atol=1e-6)


BLOCKS = [2, 2, 1]  # Columns of each.


def in_blocks(x):
    return tuple(tf.split(x, BLOCKS, axis=2))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
def test_keys_may_come_in_blocks(heads, biased):
    query, key, value = normal(3, heads[0], 1, 3), *(normal(3, heads[1], 5, 3) for _ in range(2))
    mask = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 0]], bool)[:, None, None]
    how = {"scale": 0.3, "bias": 9 * normal(1, heads[0], 1, 5) if biased else None}
    read = kernels.attention(query, in_blocks(key), in_blocks(value), mask, **how)
    np.testing.assert_allclose(read, kernels.attention(query, key, value, mask, **how), atol=1e-6)


def test_a_block_that_none_may_read_is_not_read():
    query, key, value = normal(2, 4, 1, 3), normal(2, 4, 5, 3), normal(2, 4, 5, 3)
    mask = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 0, 1]], bool)[:, None, None]
    expected = kernels.attention(query, key, value, mask, scale=0.3)
    key[:, :, 2:4] = value[:, :, 2:4] = np.nan
    read = kernels.attention(query, in_blocks(key), in_blocks(value), mask, scale=0.3)
    np.testing.assert_allclose(read, expected, atol=1e-6)


def test_a_row_that_may_read_nothing_reads_something_finite():
    key = in_blocks(normal(2, 4, 5, 3))
    mask = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]], bool)[:, None, None]
    assert np.isfinite(kernels.attention(normal(2, 4, 1, 3), key, key, mask, scale=0.3)).all()


@pytest.mark.parametrize("index", range(5))
def test_a_column_is_written_to_its_block(index):
    cache, new = normal(2, 1, 5, 3), normal(2, 1, 1, 3)
    written = kernels.write_columns(in_blocks(cache), tf.constant(new), tf.constant(index))
    cache[:, :, index : index + 1] = new
    assert [block.shape[2] for block in written] == BLOCKS
    np.testing.assert_array_equal(tf.concat(written, 2), cache)
