"""How an export keeps weights: as they are, as bfloat16, or as int8 with a scale a channel.

They are computed with as they ever were: in a graph, what is kept becomes the weight where it is
used. What is kept are variables, so no server folds the weights back into its graph.
"""

import functools

import tensorflow as tf

from tfzoo import kernels
from tfzoo.layers import in_place_of

TABLES = ("_embedding/embeddings", "output_table/embeddings")


class Kept(tf.Module):
    """A weight as it is.

    Args:
        variable: Keras variable.
    """

    def __init__(self, variable):
        super().__init__(name="weight")
        self.kept = variable.value

    def value(self):
        """The weight, in its own shape and dtype."""
        return self.kept


class Bfloat16(Kept):
    """A matrix in half its bytes: each number keeps 8 of its 24 significant bits."""

    def __init__(self, variable):
        super().__init__(variable)
        self._dtype = variable.dtype
        self.kept = tf.Variable(tf.cast(variable.value, tf.bfloat16), name="kept")

    def value(self):
        return tf.cast(self.kept, self._dtype)


class Int8(Bfloat16):
    """A matrix in a quarter of its bytes: `W[i, j] = scale[j] q[i, j]`, q from -127 to 127.

    The scale is that of an output channel: a column of a kernel, and a row of a table of tokens,
    which is a token's vector and the weights of its logit.
    """

    def __init__(self, variable):
        super().__init__(variable)
        weight = tf.convert_to_tensor(variable.value)
        inputs = 1 if variable.path.endswith(TABLES) else 0
        largest = tf.reduce_max(tf.abs(weight), inputs, keepdims=True)
        scales = tf.where(largest > 0, largest / 127, 1)
        self.scales = tf.Variable(scales, name="scales")
        self.kept = tf.Variable(tf.cast(tf.round(weight / scales), tf.int8), name="kept")

    def value(self):
        return super().value() * self.scales


def _bfloat16(variable):
    return Bfloat16 if len(variable.shape) > 1 else Kept


def _int8(variable):
    """Vectors, positions and the like are few, and stay as they are."""
    return Int8 if variable.path.endswith(("/kernel", *TABLES)) else Kept


VARIANTS = {"float32": lambda variable: Kept, "bfloat16": _bfloat16, "int8": _int8}


def kept(variables, variant) -> list[Kept]:
    """Weights as a variant keeps them.

    Args:
        variables: list of Keras variables.
        variant: str, a key of `VARIANTS`.
    """
    kind = VARIANTS[variant]
    return [kind(variable)(variable) for variable in variables]


def reading(function, variables, weights):
    """A tf.function as `function`, that computes with kept weights in place of variables.

    Args:
        function: tf.function with an input signature.
        variables: list of Keras variables.
        weights: list of `Kept`, one a variable.
    """

    specs = function.input_signature

    @functools.cache
    def computation():
        @tf.function(input_signature=specs, autograph=False)
        def with_weights(*given):
            values = [weight.value() for weight in weights]
            with in_place_of(variables, values), kernels.compiled(False, gradients=False):
                return function.python_function(*given)

        with tf.init_scope():
            return with_weights.get_concrete_function()

    @functools.wraps(function.python_function)
    def traced_once(*given):  # However often TensorFlow traces what calls it.
        return computation()(*given)

    return tf.function(traced_once, input_signature=specs, autograph=False)
