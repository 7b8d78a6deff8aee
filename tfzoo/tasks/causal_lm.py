"""Causal language modeling: each token is predicted from those before it."""

import tensorflow as tf

from tfzoo import kernels


class CausalLanguageModeling:
    """Maximizes the log likelihood of the next token (Radford et al., 2018, equation 1).

    The targets of a batch are already one token ahead of its `token_ids`: nothing is shifted here.
    """

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        """The loss SUMMED over the batch's targets; divide by the sum of `batch["weights"]`.

        Args:
            model: gives `hidden_states(token_ids)`, float (b, t, m), and `output_weights()`,
                float (v, m), such that their product is the logits.
            batch: dict of token_ids int32 (b, t), targets int32 (b, t), weights float32 (b, t).
            training: bool. Whether dropout is on.
            label_smoothing: float in [0, 1), the share of each target spread over the vocabulary.

        Returns:
            float32 scalar, in nats.
        """
        hidden = model.hidden_states(batch["token_ids"], training=training)
        return kernels.cross_entropy(
            tf.reshape(hidden, [-1, hidden.shape[-1]]),
            model.output_weights(),
            tf.reshape(batch["targets"], [-1]),
            tf.reshape(batch["weights"], [-1]),
            label_smoothing=label_smoothing,
        )
