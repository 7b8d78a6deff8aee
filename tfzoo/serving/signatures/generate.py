"""`generate`: prompts go on."""

import tensorflow as tf

from tfzoo import generation
from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.subject import texts_named, with_options


def generate(subject):
    """prompts [b], and how to draw, each [1] or [b] -> completions [b], the new text only."""
    model, text = subject.model, subject.text

    def answer(prompts, sampling):
        read, is_text_before = opened(subject, prompts)
        new_tokens = generation.generate(model, read, sampling, *subject.ends)
        completions = tf.where(
            is_text_before, text.continuation(new_tokens), text.detokenize(new_tokens)
        )
        return {"completions": completions}

    defaults = generation.default_sampling()
    return with_options(answer, texts_named("prompts"), [b"Hello"], defaults)


def opened(subject, prompts):
    """What is read of prompts, ragged int32 (b, None), and whether there is text, bool (b,)."""
    token_ids = subject.text.tokenize(prompts)
    is_text = token_ids.row_lengths() > 0
    opening = rows.repeated(subject.tokenizer.opening, token_ids)
    return tf.concat([opening, token_ids], axis=1), is_text
