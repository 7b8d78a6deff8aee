"""`tokenize`, `detokenize`: text to ids and back."""

import numpy as np
import tensorflow as tf

from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.logits import IDS, LENGTHS
from tfzoo.serving.signatures.subject import signature, texts_named
from tfzoo.tasks.padding import padding_id


def tokenize(subject):
    """texts [b] -> token_ids [b, t], without special ones but padding; lengths [b]."""
    padding = padding_id(subject.tokenizer)

    def answer(texts):
        ids = subject.text.tokenize(texts)
        return {"token_ids": ids.to_tensor(padding), "lengths": rows.lengths(ids)}

    return signature(answer, [texts_named("texts")], [[b"Hello"]])


def detokenize(subject):
    """token_ids [b, t], lengths [b] -> texts [b]; special ids, and unknown ones, are left out."""
    size = subject.tokenizer.vocabulary_size

    def answer(token_ids, lengths):
        token_ids = tf.where(token_ids < 0, size, token_ids)
        lengths = tf.clip_by_value(lengths, 0, tf.shape(token_ids)[1])
        return {"texts": subject.text.detokenize(tf.RaggedTensor.from_tensor(token_ids, lengths))}

    example = [[[subject.tokenizer.end_of_text]], [1]]
    return signature(answer, [IDS, LENGTHS], [np.int32(x) for x in example])
