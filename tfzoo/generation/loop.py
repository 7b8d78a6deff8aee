"""The decode loop: read the prompts once, then one token a step, until each row is at its end.

One step serves every use: the plain graph of a served signature, and the compiled programs of
`Decoder`. Shape letters: b batch, n new token, p prompt column, s column of the cache.
"""

from typing import NamedTuple

import tensorflow as tf

from tfzoo import kernels
from tfzoo.generation.ends import as_one
from tfzoo.generation.prompts import beginning, bounded, readable_columns
from tfzoo.generation.samplers import sample
from tfzoo.layers import KeyValueCache, in_place_of, is_kernel, weights_at_hand


class State(NamedTuple):
    """Where decoding stands: a structure of tensors, to be carried through a `tf.while_loop`.

    Attributes:
        step: int32 (), tokens drawn so far in each row.
        last: int32 (b,), the token drawn last, which the model has not read yet.
        finished: bool (b,), rows that draw no more.
        new_tokens: int32 (b, n), what was drawn; end-of-text after a row's end and where not yet.
        index: int32 (), columns of the cache that are filled.
        keys, values: tuples, one item a layer, of float (b, h, s, d).
    """

    step: tf.Tensor
    last: tf.Tensor
    finished: tf.Tensor
    new_tokens: tf.Tensor
    index: tf.Tensor
    keys: tuple
    values: tuple


def generate(model, prompts, sampling, end_of_text, start=None):
    """Continues each prompt, as one graph of plain TensorFlow operations with dynamic shapes.

    A row is what it would be alone, whatever stands beside it: padding is not read, and a draw
    depends on (seed, step) of its own row.

    Args:
        model: a decoder or an encoder-decoder, with `decode`, `logits`, `new_cache` and `config`.
        prompts: ragged int32 (b, None). For a decoder an empty row starts from end-of-text, and an
            overlong one keeps its last `context - max_new_tokens` tokens. For an encoder-decoder
            they are what its encoder reads.
        sampling: `Sampling`.
        end_of_text: int or `Ends`, the id that ends a row.
        start: int, the id that starts what an encoder-decoder writes; None for a decoder.

    Returns:
        Ragged int32 (b, None): the new tokens, without the end-of-text that ended them.
    """
    context = model.config.max_sequence_length
    sampling = bounded(sampling, context)
    first = beginning(prompts, sampling.max_new_tokens, context, end_of_text, start)
    longest = tf.maximum(tf.reduce_max(sampling.max_new_tokens), 0)
    width = tf.shape(first.token_ids)[1]
    padding_mask = readable_columns(first.lengths, width, width + longest, context)
    cache = new_cache(model, padding_mask, first.source)
    state = prefill(model, cache, first.token_ids, padding_mask, sampling, end_of_text, longest)
    memory = memory_of(cache)
    state = decode(model, state, padding_mask, sampling, memory, end_of_text, longest)
    return ragged_tokens(state.new_tokens, end_of_text)


def generate_anew(model, sampling, end_of_text):
    """What `generate` gives for empty prompts, by a graph that a decoder is traced for but once.

    Args:
        model: a decoder.
        sampling: `Sampling`, of one value a row.
        end_of_text: int, the id that starts and ends a row.

    Returns:
        Ragged int32 (b, None): the new tokens.
    """
    sampling = bounded(sampling, model.config.max_sequence_length)
    longest = tf.maximum(tf.reduce_max(sampling.max_new_tokens), 0)
    start = tf.fill(tf.shape(sampling.max_new_tokens), end_of_text)
    padding_mask = tf.fill([tf.size(start), 1 + longest], True)
    state = _nothing_drawn(new_cache(model, padding_mask), start, sampling, end_of_text, longest)
    state = decode(model, state, padding_mask, sampling, (), end_of_text, longest)
    return ragged_tokens(state.new_tokens, end_of_text)


def new_cache(model, padding_mask, source=()):
    """A `KeyValueCache` for rows of which nothing is read but the source.

    Args:
        padding_mask: bool (b, s), True at the cache's columns that may be read.
        source: as in `Beginning`; its mask may go on after its tokens, for padding to a length.
    """
    batch_size, cache_length = tf.unstack(tf.shape(padding_mask))
    if not source:
        return model.new_cache(batch_size, cache_length)
    token_ids, mask = source
    width = tf.shape(token_ids)[1]
    memory = model.encode(token_ids, mask[:, :width])
    memory = tf.pad(memory, [[0, 0], [0, tf.shape(mask)[1] - width], [0, 0]])
    return model.new_cache(batch_size, cache_length, memory, mask)


def memory_of(cache):
    """What a cache holds of the source, as tensors: it stays the same. Empty without a source."""
    return (cache.memory, cache.memory_mask) if cache.memory else ()


def prefill(model, cache, token_ids, padding_mask, sampling, end_of_text, num_columns):
    """Reads tokens (b, p) into an empty cache of s columns, and draws the first new tokens.

    Args:
        num_columns: int32 (), n, how many new tokens the state has room for.
    """
    state = _nothing_drawn(cache, token_ids[:, -1], sampling, end_of_text, num_columns)
    memory = memory_of(cache)
    return advance(model, state, token_ids, padding_mask, sampling, memory, end_of_text)


def _nothing_drawn(cache, last, sampling, end_of_text, num_columns):
    """The state before the first draw; `last` is the last token (b,) of each prompt."""
    return State(
        step=tf.constant(0),
        last=last,
        finished=sampling.max_new_tokens <= 0,
        new_tokens=tf.fill([tf.size(last), num_columns], end_of_text),
        index=cache.index,
        keys=tuple(cache.keys),
        values=tuple(cache.values),
    )


def decode(model, state, padding_mask, sampling, memory, end_of_text, until, halve_kernels=False):
    """Draws until `until` (int32 ()) tokens a row are drawn, or every row is finished.

    Args:
        memory: from `memory_of`.
        halve_kernels: bool, as for `repeat`.
    """

    def unfinished(state):
        return (state.step < until) & ~tf.reduce_all(state.finished)

    def step(state, output_kernel):
        fixed = (padding_mask, sampling, memory, end_of_text, output_kernel)
        return advance(model, state, state.last[:, None], *fixed)

    return repeat(model, unfinished, step, state, halve_kernels)


def repeat(model, unfinished, step, state, halve_kernels=False):
    """Steps as long as the state is unfinished, with the model's weights at hand.

    Args:
        unfinished: function of the state, giving bool ().
        step: function of the state and the output kernel, giving the next state.
        state: structure of tensors.
        halve_kernels: bool. Whether to compute products in two halves: in a compiled program of one
            row, with nothing beside it, that keeps two cores busy.
    """
    output_kernel = tf.transpose(tf.cast(model.output_weights(), model.compute_dtype))

    def body(state):
        after = step(state, output_kernel)
        return (tf.nest.map_structure(_as_before, after, state),)

    weights = weights_at_hand(model.weights, model.compute_dtype)
    if halve_kernels:
        output_kernel = kernels.halves(output_kernel)
        weights = [
            kernels.halves(value) if is_kernel(variable) else value
            for variable, value in zip(model.weights, weights, strict=True)
        ]
    with in_place_of(model.weights, weights):
        return tf.while_loop(unfinished, body, (state,))[0]


def advance(
    model, state, token_ids, padding_mask, sampling, memory, end_of_text, output_kernel=None
):
    """One step: reads the next tokens (b, t) of each row, then draws one token after the last."""
    cache = KeyValueCache(state.keys, state.values, state.index, *memory)
    hidden = model.decode(token_ids, cache, padding_mask)
    logits = model.logits(hidden[:, -1], output_kernel)
    drawn = as_one(sample(logits, *sampling[1:], state.step), end_of_text)
    finished = state.finished | (drawn == end_of_text)
    drawn = tf.where(finished, end_of_text, drawn)
    column = tf.range(tf.shape(state.new_tokens)[1])
    return State(
        step=state.step + 1,
        last=drawn,
        finished=finished | (state.step + 1 >= sampling.max_new_tokens),
        new_tokens=tf.where(column == state.step, drawn[:, None], state.new_tokens),
        index=cache.index,
        keys=tuple(cache.keys),
        values=tuple(cache.values),
    )


def ragged_tokens(new_tokens, end_of_text):
    """The rows of `State.new_tokens` up to their ends."""
    ended = tf.cumsum(tf.cast(new_tokens == end_of_text, tf.int32), axis=1) > 0
    return tf.ragged.boolean_mask(new_tokens, ~ended)


def _as_before(after, before):
    """A loop's tensors keep their static shapes."""
    after.set_shape(before.shape)
    return after
