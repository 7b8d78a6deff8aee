"""`fill_mask`: the likeliest tokens behind the masks of texts."""

from typing import NamedTuple

import tensorflow as tf

from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.subject import texts_named, with_options
from tfzoo.tasks.states import hidden_states
from tfzoo.tokenizers import masked_text
from tfzoo.tokenizers.graph import repair_utf8
from tfzoo.tokenizers.ragged import row_ids


class Answers(NamedTuple):
    """How many answers to give.

    Attributes:
        top_k: int32 (b,), tokens of each mask.
    """

    top_k: tf.Tensor


def fill_mask(subject):
    """texts [b], top_k [1] or [b] -> tokens [b, n, k], probabilities [b, n, k], likeliest first.

    n is the most masks of a row, k the largest top_k; what a row has less is filled with "" and 0.
    """
    model, mask = subject.model, subject.tokenizer.special("mask")

    def answer(texts, answers):
        read = rows.joined(subject, _with_masks(subject, texts))
        is_mask = read.token_ids == mask
        hidden = tf.boolean_mask(hidden_states(model, read._asdict()), is_mask)
        count = tf.clip_by_value(answers.top_k, 0, model.config.vocabulary_size)
        most = tf.reduce_max(tf.concat([count, [0]], 0))
        likely, ids = tf.math.top_k(tf.nn.softmax(model.logits(hidden)), most)
        tokens = tf.reshape(subject.text.detokenize(tf.reshape(ids, [-1, 1])), tf.shape(ids))
        is_wanted = tf.range(most) < count[:, None]
        num_masks = tf.reduce_sum(tf.cast(is_mask, tf.int64), 1)
        return {
            "tokens": _by_row(tokens, num_masks, is_wanted, ""),
            "probabilities": _by_row(likely, num_masks, is_wanted, 0.0),
        }

    example = f"Hello {masked_text.mask_token(subject.tokenizer)}".encode()
    return with_options(answer, texts_named("texts"), [example], Answers(tf.constant([5])))


def _with_masks(subject, texts):
    """The ids of texts, as `masked_text.encode` has them: ragged int32 (b, None)."""
    tokenizer = subject.tokenizer
    parts = tf.strings.split(repair_utf8(texts), masked_text.mask_token(tokenizer))
    strings = parts.values
    if masked_text.takes_space(tokenizer):
        row = row_ids(parts)
        before_mask = tf.concat([row[1:] == row[:-1], [False]], 0)
        before_mask = before_mask[: tf.size(strings)]
        strings = tf.where(before_mask, tf.strings.regex_replace(strings, r" +\z", ""), strings)
    ids = subject.text.tokenize(strings)
    ids = tf.concat([ids, rows.repeated([tokenizer.special("mask")], ids)], 1)
    return parts.with_values(ids).merge_dims(1, 2)[:, :-1]


def _by_row(values, num_masks, is_wanted, fill):
    """Values (all masks, k) as (b, n, k)."""
    by_row = tf.RaggedTensor.from_row_lengths(values, num_masks).to_tensor(fill)
    return tf.where(is_wanted[:, None], by_row, fill)
