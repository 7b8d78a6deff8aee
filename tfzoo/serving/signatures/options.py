"""What a request may ask of decoding: `generation.DecodingOptions` as tensors, and what is cut."""

import collections

import tensorflow as tf

from tfzoo import generation
from tfzoo.generation import BeamSearch, Constraints, Sampling
from tfzoo.generation.requests import LONGEST_STOP, NUMBERS, numbers_of
from tfzoo.kernels.shapes import each_row
from tfzoo.tokenizers.graph import repair_utf8

# Of stop_token_ids, int32 (b, any), -1 is none; of stop_strings, string (b, any), an empty one is
# none, and so is one of over 256 bytes. The others are numbers (b,).
_STOPS = ("stop_token_ids", "stop_strings")


def _record(name, kind):
    """A record of what a signature takes: the numbers of a kind and of constraints, and stops."""
    numbers = [field for field in kind._fields + Constraints._fields if field in NUMBERS]
    return collections.namedtuple(name, [*numbers, *_STOPS])


Drawing = _record("Drawing", Sampling)
Searching = _record("Searching", BeamSearch)


def defaults(record, **others):
    """`Drawing` or `Searching` of tensors of one row: the defaults, but for some numbers."""
    numbers = numbers_of(record, generation.DecodingOptions()) | others
    return record(
        **{name: tf.constant([x], NUMBERS[name][0]) for name, x in numbers.items()},
        stop_token_ids=tf.constant([[-1]]),
        stop_strings=tf.constant([[""]]),
    )


def as_sampling(drawing, is_continued) -> Sampling:
    """How to draw, as `generation` has it. `is_continued` is bool (b,), or one for all rows."""
    constraints = _constraints(drawing, is_continued)
    return Sampling(**numbers_of(Sampling, drawing), constraints=constraints)


def as_search(searching, is_continued) -> BeamSearch:
    """How to search, as `generation` has it."""
    constraints = _constraints(searching, is_continued)
    return BeamSearch(**numbers_of(BeamSearch, searching), constraints=constraints)


def cut(texts, stop_strings):
    """Texts (b,) up to where the first of their stops (b, any) begins."""
    num_stops = tf.shape(stop_strings)[1]
    is_stop = tf.reshape(_is_stop(stop_strings), [-1])

    def kept(pair):
        text, stop, is_stop = pair
        before = tf.strings.split(text, tf.where(is_stop, stop, "\0"))[:1]
        length = tf.strings.length(tf.strings.reduce_join(before))
        return tf.where(is_stop, length, tf.strings.length(text))

    def shortest():
        pairs = (each_row(texts, num_stops), tf.reshape(repair_utf8(stop_strings), [-1]), is_stop)
        lengths = tf.map_fn(kept, pairs, fn_output_signature=tf.int32)
        lengths = tf.reduce_min(tf.reshape(lengths, [-1, num_stops]), axis=1)
        return tf.strings.substr(texts, tf.zeros_like(lengths), lengths)

    return tf.cond(tf.reduce_any(is_stop), shortest, lambda: texts)


def _constraints(record, is_continued):
    return Constraints(
        **numbers_of(Constraints, record),
        stop_token_ids=record.stop_token_ids,
        stop_patterns=_patterns(record.stop_strings),
        is_continued=tf.broadcast_to(is_continued, tf.shape(record.max_new_tokens)),
    )


def _patterns(texts):
    """Stops as `Constraints.stop_patterns`; of no texts, where none is one."""
    texts = tf.where(_is_stop(texts), repair_utf8(texts), "")
    lengths = tf.strings.length(texts)
    longest = tf.reduce_max(tf.concat([[1], tf.reshape(lengths, [-1])], 0))
    values = tf.cast(tf.io.decode_raw(texts, tf.uint8, fixed_length=longest), tf.int32)
    place = tf.range(longest) - (longest - lengths)[..., None]
    found = tf.gather(values, tf.maximum(place, 0), batch_dims=2)
    found = tf.where(place >= 0, found, -1)
    is_any = tf.cast(tf.reduce_any(lengths > 0), tf.int32)
    return found[:, : tf.shape(texts)[1] * is_any]


def _is_stop(texts):
    lengths = tf.strings.length(repair_utf8(texts))
    return (lengths > 0) & (lengths <= LONGEST_STOP)
