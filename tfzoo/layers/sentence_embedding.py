"""One direction for a text: the mean of its tokens' states, of length 1."""

import keras
import tensorflow as tf


def sentence_embedding(hidden, padding_mask):
    """The direction of the mean of a text's states: near texts have products near 1.

    Reimers & Gurevych (2019, arXiv:1908.10084, section 3).

    Args:
        hidden: float (b, t, m).
        padding_mask: bool (b, t), True at tokens.

    Returns:
        float32 (b, m), each row of length 1.
    """
    weights = tf.cast(padding_mask, tf.float32)[..., None]
    total = tf.reduce_sum(weights * tf.cast(hidden, tf.float32), axis=1)
    return tf.math.l2_normalize(total, axis=-1)


@keras.saving.register_keras_serializable(package="tfzoo")
class SentenceEmbeddingHead(keras.layers.Layer):
    """`sentence_embedding` as the head of a model; it has no weights.

    Call arguments:
        x: float (b, t, m), hidden states.
        padding_mask: bool (b, t), True at tokens; None: all are.

    Returns:
        float32 (b, m), each row of length 1.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, x, padding_mask=None):
        if padding_mask is None:
            padding_mask = tf.ones(tf.shape(x)[:2], tf.bool)
        return sentence_embedding(x, padding_mask)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])
