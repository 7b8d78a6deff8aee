"""`prefill`, `decode_step`: a text token by token, the cache in the client's hands.

The client draws each token itself, and may show it at once. The cache's columns end with the newest
token of each row: the next one is always the last column, so that rows of different lengths go
together. Shape letters: b row, l layer, h head, s column, d width of a head, v vocabulary.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo import generation
from tfzoo.generation import loop, prompts
from tfzoo.layers import KeyValueCache
from tfzoo.serving.signatures import translate
from tfzoo.serving.signatures.generate import opened
from tfzoo.serving.signatures.logits import known
from tfzoo.serving.signatures.subject import signature, texts_named, with_options

LOWEST = -1e9
CACHE = ("keys", "values")
MEMORY = ("memory_keys", "memory_values")


class Room(NamedTuple):
    """What is kept free.

    Attributes:
        max_new_tokens: int32 (b,). A decoder's prompt keeps its last context - max_new_tokens
            tokens.
    """

    max_new_tokens: tf.Tensor


def prefill(subject):
    """prompts [b], max_new_tokens [1] or [b]; or sources [b] -> logits [b, v], and the state.

    The state is what `decode_step` takes: keys and values [b, l, h, s, d], lengths [b]; of an
    encoder-decoder also memory_keys, memory_values [b, l, h, s, d], memory_lengths [b].
    """
    room = Room(tf.constant([generation.DecodingOptions().max_new_tokens]))
    if subject.model.kind == "encoder_decoder":
        sources = texts_named("sources")
        return signature(
            lambda sources: _first(subject, translate.read(subject, sources), room),
            [sources],
            [[b"Hello"]],
        )
    return with_options(
        lambda prompts, room: _first(subject, opened(subject, prompts)[0], room),
        texts_named("prompts"),
        [b"Hello"],
        room,
    )


def _first(subject, read, room):
    """The answer to ragged int32 (b, None), what is read of each text."""
    model, context = subject.model, subject.context
    limits = prompts.bounded(room, context).max_new_tokens
    first = prompts.beginning(read, limits, context, *subject.ends)
    width = tf.shape(first.token_ids)[1]
    mask = prompts.readable_columns(first.lengths, width, width, context)
    cache = loop.new_cache(model, mask, first.source)
    hidden = model.decode(first.token_ids, cache, mask)
    return {"logits": model.logits(hidden[:, -1]), "lengths": first.lengths, **_state(cache)}


def decode_step(subject):
    """token_ids [b], and the state -> logits [b, v], and the state with one column more.

    Where the model's context is full, the logits say end-of-text.
    """
    model, context, (end, _) = subject.model, subject.context, subject.ends

    def answer(token_ids, lengths, *state):
        state = dict(zip(names, state, strict=True))
        width = tf.shape(state["keys"])[3]
        lengths = tf.clip_by_value(lengths, 1, width)
        mask = prompts.readable_columns(lengths, width, width + 1, context)
        cache = _cache(model, state, width)
        hidden = model.decode(known(subject, token_ids)[:, None], cache, mask)
        ended = tf.one_hot(end, model.config.vocabulary_size, 0.0, LOWEST)
        logits = tf.where((lengths < context)[:, None], model.logits(hidden[:, -1]), ended)
        return {"logits": logits, "lengths": lengths + 1, **_state(cache)}

    example = _example(subject)
    names = [name for name in example if name not in ("token_ids", "lengths")]
    specs = [tf.TensorSpec(_open(x.shape), x.dtype, name) for name, x in example.items()]
    return signature(answer, specs, list(example.values()))


def _state(cache):
    """What a cache holds, as tensors for the client."""
    state = {name: _stacked(getattr(cache, name)) for name in CACHE}
    if cache.memory:
        parts = zip(*cache.memory, strict=True)
        state |= {name: _stacked(part) for name, part in zip(MEMORY, parts, strict=True)}
        state["memory_lengths"] = tf.reduce_sum(tf.cast(cache.memory_mask, tf.int32), 1)
    return state


def _cache(model, state, width):
    """The cache that the client holds, with a column more."""
    wider = [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0]]
    keys, values = (_layers(model, tf.pad(state[name], wider)) for name in CACHE)
    if MEMORY[0] not in state:
        return KeyValueCache(keys, values, width)
    memory = zip(*(_layers(model, state[name]) for name in MEMORY), strict=True)
    columns = tf.shape(state[MEMORY[0]])[3]
    mask = tf.sequence_mask(tf.clip_by_value(state["memory_lengths"], 1, columns), columns)
    return KeyValueCache(keys, values, width, memory, mask)


def _stacked(layers):
    return tf.cast(tf.stack(layers, axis=1), tf.float32)


def _layers(model, stacked):
    return tf.unstack(tf.cast(stacked, model.compute_dtype), axis=1)


def _example(subject):
    """A first step: each input's array, by name."""
    model = subject.model
    memory = (tf.zeros([1, 1, model.config.hidden_dim], model.compute_dtype), tf.constant([[True]]))
    cache = model.new_cache(1, 1, *(memory if model.kind == "encoder_decoder" else ()))
    state = {name: x.numpy() for name, x in _state(cache).items()}
    return {"token_ids": np.int32([subject.ends[0]]), "lengths": np.int32([1]), **state}


def _open(shape):
    """A shape with any number of rows, and of columns where there are layers."""
    return [None, *shape[1:3], None, *shape[4:]] if len(shape) == 5 else [None]
