"""A place in a built layer for layers that come later: Keras lets no other grow."""

import keras


class Growing(keras.layers.Layer):
    """Holds layers that are added after it is built.

    Attributes:
        layers: list of layers, each built before it is added.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.layers = []
        self.built = True
