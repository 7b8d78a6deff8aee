"""`translate`, `translate_beams`: a text in, another out, by drawing or by beams."""

import tensorflow as tf

from tfzoo import generation
from tfzoo.serving.signatures import options
from tfzoo.serving.signatures.generate import NUM_BEAMS, spelt_beams
from tfzoo.serving.signatures.subject import texts_named, with_options
from tfzoo.tokenizers import joining_graph

SOURCES = texts_named("sources")


def translate(subject):
    """sources [b], and how to draw, each [1] or [b] -> translations [b].

    By default each takes the likeliest tokens, as many as the model can write.
    """

    def answer(sources, drawing):
        sampling = options.as_sampling(drawing, False)
        written = generation.generate(subject.writer, read(subject, sources), sampling)
        texts = subject.text.detokenize(written.token_ids)
        return {"translations": options.cut(texts, drawing.stop_strings)}

    usual = options.defaults(options.Drawing, max_new_tokens=subject.context - 1, temperature=0.0)
    return with_options(answer, SOURCES, [b"Hello"], usual)


def translate_beams(subject):
    """sources [b], and how to search, each [1] or [b] -> translations [b, 4], scores [b, 4].

    The search has 4 texts under way in each row, and gives them all, best first.
    """

    def answer(sources, searching):
        ids, search = read(subject, sources), options.as_search(searching, False)
        tokens, scores = generation.search(subject.writer, ids, search, NUM_BEAMS)
        is_text_before = tf.zeros_like(search.early_stopping)
        translations = spelt_beams(subject, tokens, is_text_before, searching.stop_strings)
        return {"translations": translations, "scores": scores}

    usual = options.defaults(options.Searching, max_new_tokens=subject.context - 1)
    return with_options(answer, SOURCES, [b"Hello"], usual)


def read(subject, sources):
    """What the encoder reads of sources, ragged int32 (b, None), as `TextToText.source_ids`."""
    if subject.prefix:
        sources = tf.strings.join([f"{subject.prefix.strip()} ", sources])
    layout, special_ids = subject.tokenizer.layout, subject.tokenizer.special_ids
    ids = joining_graph.join(layout, special_ids, subject.text.tokenize(sources)).token_ids
    most = subject.context - 1
    return tf.concat([ids[:, :most], ids[:, most:][:, -1:]], 1)
