"""Layer normalization (Ba et al., 2016, arXiv:1607.06450)."""

import keras

from tfzoo import kernels


@keras.saving.register_keras_serializable(package="tfzoo")
class LayerNormalization(keras.layers.Layer):
    """Centres and scales each token to mean 0 and variance 1, then by what it has learned.

    The arithmetic is float32 in every precision.

    Args:
        epsilon: float > 0, added to the variance.
        use_bias: bool. Whether it learns what to add, and not the scale alone.

    Call arguments:
        x: float (..., m).

    Returns:
        float (..., m), in the compute dtype.
    """

    def __init__(self, epsilon=1e-5, *, use_bias=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.epsilon = epsilon
        self.use_bias = use_bias

    def build(self, input_shape):
        width = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=width, initializer="ones")
        if self.use_bias:
            self.beta = self.add_weight(name="beta", shape=width, initializer="zeros")

    def call(self, x):
        beta = self.beta.value if self.use_bias else None
        return kernels.layer_norm(
            x, self.gamma.value, beta, epsilon=self.epsilon, dtype=self.compute_dtype
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable(package="tfzoo")
class RMSNormalization(keras.layers.Layer):
    """Scales each token to a mean square of 1, then by what it has learned.

    Zhang & Sennrich, 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467, equation 4.
    The arithmetic is float32 in every precision.

    Args:
        epsilon: float > 0, added to the mean square.

    Call arguments:
        x: float (..., m).

    Returns:
        float (..., m), in the compute dtype.
    """

    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return kernels.rms_norm(x, self.gamma.value, epsilon=self.epsilon, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
