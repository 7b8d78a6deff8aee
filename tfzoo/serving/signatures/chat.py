"""`chat`: the turns of a conversation in, the reply out."""

import tensorflow as tf

from tfzoo import generation
from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.options import Drawing, as_sampling, cut, defaults
from tfzoo.serving.signatures.subject import with_options
from tfzoo.serving.signatures.white_space import stripped
from tfzoo.tokenizers.ragged import picked, row_ids


def chat(subject):
    """turns [b, t], and how to draw, each [1] or [b] -> replies [b].

    The last turn of a row is replied to. Turns without words are none: rows with fewer turns are
    filled up with them. As many of the latest turns are read as `generation.chat.history` keeps.
    """
    tokenizer, context = subject.tokenizer, subject.context

    def answer(turns, drawing):
        wanted = tf.maximum(drawing.max_new_tokens, 0)
        read = history(subject, turns, context - tf.minimum(wanted, context // 2))
        free = tf.minimum(wanted, context - rows.lengths(read))
        ends = rows.repeated(sorted(tokenizer.turn_ends), read)
        stops = tf.concat([drawing.stop_token_ids, ends], 1)
        drawing = drawing._replace(max_new_tokens=free, stop_token_ids=stops)
        said = generation.generate(subject.writer, read, as_sampling(drawing, False))
        replies = subject.text.detokenize(said.token_ids)
        return {"replies": cut(replies, drawing.stop_strings)}

    turns = tf.TensorSpec([None, None], tf.string, "turns")
    return with_options(answer, turns, [[b"Hello"]], defaults(Drawing))


def history(subject, turns, room):
    """The latest whole turns that have room, ragged int32 (b, None).

    Args:
        turns: string (b, t).
        room: int32 (b,). Of a last turn that has no room alone, the end is kept.
    """
    turns = stripped(turns)
    ids = subject.text.tokenize(tf.reshape(turns, [-1]))
    ids = tf.concat([ids, rows.repeated([subject.tokenizer.end_of_text], ids)], 1)
    sizes = tf.where(turns != "", tf.reshape(rows.lengths(ids), tf.shape(turns)), 0)
    from_here = tf.cumsum(sizes, axis=1, reverse=True)
    kept = (sizes > 0) & ((from_here <= room[:, None]) | (from_here == sizes))
    conversations = tf.RaggedTensor.from_row_lengths(
        tf.ragged.boolean_mask(ids, tf.reshape(kept, [-1])).values,
        tf.reduce_sum(tf.where(kept, sizes, 0), axis=1),
        validate=False,
    )
    return _ends(conversations, room)


def _ends(ragged, most):
    """Ragged rows of which each keeps its last int32 (b,) values at most."""
    skipped = tf.gather(rows.lengths(ragged) - most, row_ids(ragged))
    return picked(ragged, rows.places(ragged) >= skipped)
