"""Weights read and cast once, for many uses."""

import keras
import tensorflow as tf


def weights_at_hand(variables, dtype):
    """The values of weights as one pass of a model uses them.

    Kernels are cast here, once, and not at each use.

    Args:
        variables: list of Keras variables.
        dtype: str, the compute dtype.

    Returns:
        list of tensors.
    """
    values = []
    for variable in variables:
        value = tf.convert_to_tensor(variable.value)
        values.append(tf.cast(value, dtype if is_kernel(variable) else variable.dtype))
    return values


def is_kernel(variable):
    """Whether a weight is the operand of products in the compute dtype, and nothing else."""
    return variable.path.endswith("/kernel")


def in_place_of(variables, values):
    """A context manager: while it lasts, Keras layers read `values` for `variables`."""
    scope = keras.StatelessScope()
    for variable, value in zip(variables, values, strict=True):
        scope.add_update((variable, value))  # Unlike `state_mapping`, it takes any dtype.
    return scope
