"""`logits`: tokens in, a number for each token of the vocabulary out."""

import numpy as np
import tensorflow as tf

from tfzoo.serving.signatures.subject import signature
from tfzoo.tasks.states import hidden_states

IDS = tf.TensorSpec([None, None], tf.int32, "token_ids")
LENGTHS = tf.TensorSpec([None], tf.int32, "lengths")


def logits(subject):
    """token_ids [b, t], lengths [b] -> logits [b, t, v]; zeros where a row has no token.

    Of a decoder they are of the token that follows each, of an encoder of each token itself, masked
    or not. An id that the vocabulary lacks is read as end-of-text; what stands behind the model's
    context is not read, and has zeros too.
    """
    model, context = subject.model, subject.context

    def answer(token_ids, lengths):
        width = tf.shape(token_ids)[1]
        is_token = tf.range(width) < lengths[:, None]
        read = {
            "token_ids": known(subject, token_ids[:, :context]),
            "padding_mask": is_token[:, :context],
        }
        if model.kind == "decoder":  # Causal: what follows a row's end changes nothing before it.
            del read["padding_mask"]
        result = tf.cast(model.logits(hidden_states(model, read)), tf.float32)
        absent = width - tf.shape(result)[1]
        result = tf.where(is_token[:, :context, None], result, 0.0)
        return {"logits": tf.pad(result, [[0, 0], [0, absent], [0, 0]])}

    example = [[[subject.tokenizer.end_of_text]], [1]]
    return signature(answer, [IDS, LENGTHS], [np.int32(x) for x in example])


def known(subject, token_ids):
    """The ids, those that the vocabulary lacks as end-of-text."""
    is_known = (token_ids >= 0) & (token_ids < subject.model.config.vocabulary_size)
    return tf.where(is_known, token_ids, subject.tokenizer.end_of_text)
