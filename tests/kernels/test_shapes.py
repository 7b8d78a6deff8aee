"""A shape that is known in part gives what a whole one does, in as few operations as can be."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.kernels import shapes

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "shape", [(2, 3, 4), (None, 3, 4), (2, None, 4), (None, None, 4), (None, None, None)]
)
def test_sizes_that_are_known_or_not_give_the_same(shape):
    @tf.function(input_signature=[tf.TensorSpec(shape)], autograph=False)
    def reshaped(x):
        flat = tf.reshape(x, [-1])
        return shapes.with_last(flat, x, 2, 2), [shapes.size(x, axis) for axis in range(3)]

    found, sizes = reshaped(X)
    np.testing.assert_array_equal(found, X.reshape(2, 3, 2, 2))
    assert [int(size) for size in sizes] == [2, 3, 4]
    assert reshaped.get_concrete_function().structured_outputs[0].shape[2:] == (2, 2)


def test_a_lone_open_axis_costs_nothing():
    with tf.Graph().as_default() as graph:
        shapes.leading(tf.compat.v1.placeholder(tf.float32, [None, 1, 8]), 2)
    assert [operation.type for operation in graph.get_operations()] == ["Placeholder"]


def test_nothing_in_an_open_axis_stays_nothing():
    empty = tf.zeros([0, 1, 8])

    @tf.function(input_signature=[tf.TensorSpec([None, 1, 8])], autograph=False)
    def reshaped(x):
        return shapes.with_last(tf.reshape(x, [-1, 8]), x, 2, 4)

    assert reshaped(empty).shape == (0, 1, 2, 4)


def test_each_row_comes_so_many_times():
    structure = {"x": tf.constant(X), "none": (), "text": tf.constant(["a", "b"])}
    found = shapes.each_row(structure, 3)
    np.testing.assert_array_equal(found["x"], np.repeat(X, 3, axis=0))
    np.testing.assert_array_equal(found["text"], [b"a"] * 3 + [b"b"] * 3)
    assert shapes.each_row((), 3) == ()
