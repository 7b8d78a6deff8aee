"""Weights read and cast once, for many uses."""

import keras
import tensorflow as tf


def weights_at_hand(variables, dtype):
    """The values of weights as one pass of a model uses them.

    Kernels are cast here, once, and not at each use.

    Args:
        variables: list of Keras variables.
        dtype: str or tf.DType, that of kernels.

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
    return variable.path.endswith(("/kernel", "/lora_a", "/lora_b"))


def in_place_of(variables, values):
    """A context manager: while it lasts, Keras layers read `values` for `variables`."""
    scope = keras.StatelessScope()
    for variable, value in zip(variables, values, strict=True):
        scope.add_update((variable, value))  # Unlike `state_mapping`, it takes any dtype.
    return scope


def recomputed(layer, **arguments):
    """`layer` in training as a function of x that keeps its inputs alone for the backward pass.

    Weights that are tensors (`in_place_of`) are handed in, and so are arguments of floats:
    `tf.recompute_grad` knows of no others than its arguments and variables, and their gradients
    would be lost without a word. A Keras mask of x is handed on, and to the result.

    Args:
        layer: Keras layer that keeps the time axis.
        **arguments: of its call.

    Returns:
        A function of a tensor, giving a tensor.
    """
    floats = {key: x for key, x in arguments.items() if tf.is_tensor(x) and x.dtype.is_floating}
    variables = layer.trainable_variables
    values = [variable.value for variable in variables]
    if any(isinstance(value, tf.Variable) for value in values):
        variables = values = []

    def run(x):
        mask = getattr(x, "_keras_mask", None)

        def call(x, *inputs):
            x._keras_mask = mask  # The backward pass comes with another x.
            handed_in = dict(zip(floats, inputs[: len(floats)], strict=True))
            with in_place_of(variables, inputs[len(floats) :]):
                return layer(x, **{**arguments, **handed_in}, training=True)

        y = tf.recompute_grad(call)(x, *floats.values(), *values)
        y._keras_mask = mask
        return y

    return run
