"""What is made of a model's weights, kept for as long as they stay the same."""

import numpy as np
import tensorflow as tf


class Kept:
    """Makes something of weights, and makes it anew when one of them has another value.

    A tensor that was read of a variable is the variable's own memory, and as long as it is held,
    TensorFlow writes the variable's next value elsewhere: weights at the addresses of those held
    are the same. So values that a variable had at the last call stay in memory until the next. On
    GPUs, which tell no addresses, it is made anew each time.

    Args:
        variables: list of Keras variables.
        make: function of hashable arguments.
    """

    def __init__(self, variables, make):
        self._variables, self._make = variables, make
        self._key = self._values = self._made = None

    def __call__(self, *arguments):
        """What `make` gives for these arguments and the weights as they are."""
        if tf.config.list_physical_devices("GPU"):
            return self._make(*arguments)
        values = [tf.convert_to_tensor(variable.value) for variable in self._variables]
        key = (arguments, [np.asarray(value).ctypes.data for value in values])
        if key != self._key:
            self._key = self._values = self._made = None  # Let go before there are others.
            self._made = self._make(*arguments)
            self._key, self._values = key, values
        return self._made
