"""Weights read once a call, not once a token."""

import keras
import tensorflow as tf


def weights_at_hand(model):
    """A scope in which the model's weights are the tensors that they are now.

    A loop that reads variables in its body makes XLA carry (and copy) them from step to step, and
    makes each step cast its matrices anew. Weights named `kernel` are operands of products in the
    compute dtype and nothing else, so they are cast here, once.

    Args:
        model: a built Keras model.

    Returns:
        A context manager.
    """
    scope = keras.StatelessScope()
    for variable in model.weights:
        is_kernel = variable.path.endswith("/kernel")
        dtype = model.compute_dtype if is_kernel else variable.dtype
        scope.add_update((variable, tf.cast(tf.convert_to_tensor(variable.value), dtype)))
    return scope
