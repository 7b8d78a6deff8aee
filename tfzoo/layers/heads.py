"""What turns hidden states into answers: labels of texts, of pairs, of tokens; words behind masks.

Their dense layers start as those of BERT: normal, with a standard deviation of 0.02.
"""

import keras
import tensorflow as tf

from tfzoo.layers.dropout import Dropout
from tfzoo.layers.normalization import LayerNormalization
from tfzoo.layers.projection import Projection


def _projection(units, name, dtype, activation=None, use_bias=True):
    return Projection(
        units,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=name,
        dtype=dtype,
    )


class _LabelHead(keras.layers.Layer):
    """Dropout, then a product with one column a label, in float32."""

    def __init__(self, num_labels, *, dropout=0.0, use_bias=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        if num_labels < 1:
            raise ValueError(f"`num_labels` must be at least 1. Received: num_labels={num_labels}")
        self.num_labels = num_labels
        self.use_bias = use_bias
        self.dropout = Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dropout.build(None)
        self.labels = _projection(
            self.num_labels, "labels", self.dtype_policy, use_bias=self.use_bias
        )
        self.labels.build(input_shape)

    def call(self, x, training=None):
        return tf.cast(self.labels(self.dropout(x, training=training)), tf.float32)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_labels)

    def get_config(self):
        return {
            **super().get_config(),
            "num_labels": self.num_labels,
            "dropout": self.dropout.rate,
            "use_bias": self.use_bias,
        }


@keras.saving.register_keras_serializable(package="tfzoo")
class ClassificationHead(_LabelHead):
    """Logits of a text's label, or the value of a regression (one label), from its pooled state.

    Devlin et al. (2019, arXiv:1810.04805, section 4.1); with a hidden layer, as RoBERTa's
    (Liu et al., 2019, arXiv:1907.11692) published code has it, where nothing pools before.

    Args:
        num_labels: int > 0; 1 for a regression.
        dropout: float in [0, 1). Share of what each dense layer reads to drop.
        use_bias: bool. Whether the labels have biases.
        hidden_layer: bool. Whether a dense layer of width m comes first.
        hidden_activation: str, a name of Keras's activations, that layer's.

    Call arguments:
        x: float (b, m), the pooled state.
        training: bool. Whether to drop.

    Returns:
        float32 (b, num_labels).
    """

    def __init__(self, num_labels, *, hidden_layer=False, hidden_activation="tanh", **kwargs):
        super().__init__(num_labels, **kwargs)
        self.hidden_layer = hidden_layer
        self.hidden_activation = hidden_activation

    def build(self, input_shape):
        super().build(input_shape)
        if self.hidden_layer:
            self.hidden_dropout = Dropout(
                self.dropout.rate, name="hidden_dropout", dtype=self.dtype_policy
            )
            self.hidden_dropout.build(None)
            self.hidden = _projection(input_shape[-1], "hidden", self.dtype_policy)
            self.hidden.build(input_shape)

    def call(self, x, training=None):
        if self.hidden_layer:
            x = self.hidden(self.hidden_dropout(x, training=training))
            x = keras.activations.get(self.hidden_activation)(x)
        return super().call(x, training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_layer": self.hidden_layer,
            "hidden_activation": self.hidden_activation,
        }


@keras.saving.register_keras_serializable(package="tfzoo")
class TokenClassificationHead(_LabelHead):
    """Logits of each token's label (Devlin et al., 2019, arXiv:1810.04805, section 5.3).

    Args:
        num_labels: int > 0.
        dropout: float in [0, 1). Share of the states to drop.
        use_bias: bool. Whether the labels have biases.

    Call arguments:
        x: float (b, t, m), hidden states.
        training: bool. Whether to drop.

    Returns:
        float32 (b, t, num_labels).
    """


@keras.saving.register_keras_serializable(package="tfzoo")
class PairHead(_LabelHead):
    """Two logits about a pair of segments, from its pooled state.

    Next sentence (Devlin et al., 2019, arXiv:1810.04805, section 3.1) or sentence order (Lan et
    al., 2020, arXiv:1909.11942, section 3.1).

    Args:
        dropout: float in [0, 1). Share of the state to drop.

    Call arguments:
        x: float (b, m), the pooled state.
        training: bool. Whether to drop.

    Returns:
        float32 (b, 2).
    """

    def __init__(self, *, dropout=0.0, **kwargs):
        super().__init__(2, dropout=dropout, **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["num_labels"]
        return config


@keras.saving.register_keras_serializable(package="tfzoo")
class Pooler(keras.layers.Layer):
    """`tanh(x W + b)` of the first token's state (Devlin et al., 2019, published code).

    Call arguments:
        x: float (b, m).

    Returns:
        float (b, m), in the compute dtype.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.dense = _projection(input_shape[-1], "dense", self.dtype_policy)
        self.dense.build(input_shape)

    def call(self, x):
        return tf.tanh(self.dense(x))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="tfzoo")
class MaskedWordHead(keras.layers.Layer):
    """The states that a tied output product reads words from: dense, activation, norm.

    Devlin et al. (2019, arXiv:1810.04805, section 3.1 and published code). The product with the
    embedding table is the model's; the bias to add to it, `output_bias`, lives here.

    Args:
        vocabulary_size: int > 0, v.
        width: int > 0, e, that of the embedding table.
        activation: str, one of `kernels.ACTIVATIONS`.
        epsilon: float > 0, of the normalization.

    Call arguments:
        x: float (..., m), hidden states.

    Returns:
        float (..., e), in the compute dtype.
    """

    def __init__(self, vocabulary_size, width, *, activation="gelu_erf", epsilon=1e-12, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.activation = activation
        self.epsilon = epsilon

    def build(self, input_shape):
        self.dense = _projection(self.width, "dense", self.dtype_policy, self.activation)
        self.dense.build(input_shape)
        self.norm = LayerNormalization(self.epsilon, name="norm", dtype=self.dtype_policy)
        self.norm.build((*input_shape[:-1], self.width))
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.vocabulary_size,), initializer="zeros"
        )

    def call(self, x):
        return self.norm(self.dense(x))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.width)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "width": self.width,
            "activation": self.activation,
            "epsilon": self.epsilon,
        }
