"""`translate`: a text in, another out, by drawing or by beams."""

import tensorflow as tf

from tfzoo import generation
from tfzoo.generation import BeamSearch
from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.subject import texts_named, with_options

NUM_BEAMS = 4


def translate(subject):
    """sources [b], and how to draw, each [1] or [b] -> translations [b].

    By default each takes the likeliest tokens, as many as the model can write.
    """
    model = subject.model

    def answer(sources, sampling):
        written = generation.generate(model, read(subject, sources), sampling, *subject.ends)
        return {"translations": subject.text.detokenize(written)}

    defaults = generation.default_sampling()._replace(
        max_new_tokens=tf.constant([subject.context - 1]), temperature=tf.constant([0.0])
    )
    return with_options(answer, texts_named("sources"), [b"Hello"], defaults)


def translate_beams(subject):
    """sources [b], and how to search, each [1] or [b] -> translations [b], scores [b].

    The search has 4 texts under way in each row.
    """
    model, (end, start) = subject.model, subject.ends

    def answer(sources, options):
        ids = read(subject, sources)
        written, scores = generation.search(model, ids, options, NUM_BEAMS, end, start)
        return {"translations": subject.text.detokenize(written), "scores": scores}

    defaults = BeamSearch(
        max_new_tokens=tf.constant([subject.context - 1]),
        length_penalty=tf.constant([1.0]),
        early_stopping=tf.constant([False]),
    )
    return with_options(answer, texts_named("sources"), [b"Hello"], defaults)


def read(subject, sources):
    """What the encoder reads of sources, ragged int32 (b, None), as `TextToText.source_ids`."""
    if subject.prefix:
        sources = tf.strings.join([f"{subject.prefix.strip()} ", sources])
    layout = subject.tokenizer.layout
    ids = rows.surrounded(subject, layout.before, subject.text.tokenize(sources), layout.after)
    most = subject.context - 1
    return tf.concat([ids[:, :most], ids[:, most:][:, -1:]], 1)
