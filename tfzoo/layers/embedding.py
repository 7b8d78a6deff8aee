"""Token embeddings, also of use as output weights (Press & Wolf, 2017, arXiv:1608.05859)."""

import keras
import tensorflow as tf

from tfzoo import kernels


@keras.saving.register_keras_serializable(package="tfzoo")
class TokenEmbedding(keras.layers.Layer):
    """A learned vector for each token id.

    Args:
        vocabulary_size: int > 0, v.
        hidden_dim: int > 0, m.
        initializer: Keras initializer of the vectors.

    Call arguments:
        token_ids: int (b, t), in [0, v).

    Returns:
        float32 (b, t, m), whatever the precision: the sum that blocks add to begins here.
    """

    def __init__(self, vocabulary_size, hidden_dim, *, initializer="uniform", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape=None):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=self.initializer,
        )

    def call(self, token_ids):
        return kernels.embedding_lookup(self.embeddings.value, tf.cast(token_ids, tf.int32))

    def output_weights(self):
        """The table (v, m) as it is stored, to turn hidden states into logits."""
        return self.embeddings.value

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "initializer": keras.initializers.serialize(self.initializer),
        }
