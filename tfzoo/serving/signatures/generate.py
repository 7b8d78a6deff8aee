"""`generate`, `generate_scored`, `generate_beams`: prompts go on."""

import tensorflow as tf

from tfzoo import generation
from tfzoo.generation import loop
from tfzoo.kernels.shapes import each_row
from tfzoo.serving.signatures import options, rows
from tfzoo.serving.signatures.subject import texts_named, with_options

NUM_BEAMS = 4
PROMPTS = texts_named("prompts")


def generate(subject):
    """prompts [b], and how to draw, each [1] or [b] -> completions [b], the new text only."""

    def answer(prompts, drawing):
        completions, _ = _drawn(subject, prompts, drawing, scored=False)
        return {"completions": completions}

    return with_options(answer, PROMPTS, [b"Hello"], options.defaults(options.Drawing))


def generate_scored(subject):
    """As `generate`, and token_ids [b, t], log_probabilities [b, t], lengths [b]."""

    def answer(prompts, drawing):
        completions, written = _drawn(subject, prompts, drawing, scored=True)
        return {
            "completions": completions,
            "token_ids": written.token_ids.to_tensor(int(subject.ends[0])),
            "log_probabilities": written.log_probabilities.to_tensor(),
            "lengths": rows.lengths(written.token_ids),
        }

    return with_options(answer, PROMPTS, [b"Hello"], options.defaults(options.Drawing))


def generate_beams(subject):
    """prompts [b], and how to search, each [1] or [b] -> completions [b, 4], scores [b, 4].

    The search has 4 texts under way in each row, and gives them all, best first.
    """

    def answer(prompts, searching):
        read, is_text_before = opened(subject, prompts)
        search = options.as_search(searching, is_text_before)
        tokens, scores = generation.search(subject.writer, read, search, NUM_BEAMS)
        completions = spelt_beams(subject, tokens, is_text_before, searching.stop_strings)
        return {"completions": completions, "scores": scores}

    return with_options(answer, PROMPTS, [b"Hello"], options.defaults(options.Searching))


def _drawn(subject, prompts, drawing, scored):
    read, is_text_before = opened(subject, prompts)
    sampling = options.as_sampling(drawing, is_text_before)
    written = generation.generate(subject.writer, read, sampling, scored)
    texts = spelt(subject, written.token_ids, is_text_before)
    return options.cut(texts, drawing.stop_strings), written


def spelt(subject, token_ids, is_text_before):
    """The texts of new tokens, ragged int32 (b, None)."""
    text = subject.text
    return tf.where(is_text_before, text.continuation(token_ids), text.detokenize(token_ids))


def spelt_beams(subject, tokens, is_text_before, stop_strings):
    """The texts (b, k) of tokens (b, k, n), which end-of-text follows."""
    num_rows, num_beams, length = tf.unstack(tf.shape(tokens))
    tokens = tf.reshape(tokens, [num_rows * num_beams, length])
    is_text = loop.before_end(tokens, subject.ends[0])
    is_text_before, stop_strings = each_row((is_text_before, stop_strings), num_beams)
    texts = spelt(subject, tf.ragged.boolean_mask(tokens, is_text), is_text_before)
    return tf.reshape(options.cut(texts, stop_strings), [num_rows, num_beams])


def opened(subject, prompts):
    """What is read of prompts, ragged int32 (b, None), and whether there is text, bool (b,)."""
    token_ids = subject.text.tokenize(prompts)
    is_text = token_ids.row_lengths() > 0
    if not subject.tokenizer.opening:
        return token_ids, is_text
    opening = rows.repeated(subject.tokenizer.opening, token_ids)
    return tf.concat([opening, token_ids], axis=1), is_text
