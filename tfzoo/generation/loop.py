"""The decode loop: read the prompts once, then one token a step, until each row is at its end.

One step serves every use: the plain graph of a served signature, and the compiled programs of
`Decoder`. Shape letters: b batch, n new token, p prompt column, s column of the cache.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from tfzoo import kernels
from tfzoo.generation import stops
from tfzoo.generation.constraints import constrained, history
from tfzoo.generation.ends import is_one_of
from tfzoo.generation.prompts import beginning, bounded, readable_columns
from tfzoo.generation.samplers import sample
from tfzoo.kernels.bfloat16 import product_dtype
from tfzoo.layers import KeyValueCache, in_place_of, is_kernel, weights_at_hand


class State(NamedTuple):
    """Where decoding stands: a structure of tensors, to be carried through a `tf.while_loop`.

    Attributes:
        step: int32 (), tokens drawn so far in each row.
        last: int32 (b,), the token drawn last, which the model has not read yet.
        finished: bool (b,), rows that draw no more.
        tokens: int32 (b, s), what was read and drawn, in the columns of the cache; end-of-text
            after a row's end and where not yet.
        log_probabilities: float32 (b, s), of what was drawn, as the model itself has it; or ().
        newest_bytes: from `stops.nothing_written`.
        index: int32 (), columns of the cache that are filled.
        keys, values: tuples, one item a layer, of float (b, h, s, d).
    """

    step: tf.Tensor
    last: tf.Tensor
    finished: tf.Tensor
    tokens: tf.Tensor
    log_probabilities: tf.Tensor
    newest_bytes: tf.Tensor
    index: tf.Tensor
    keys: tuple
    values: tuple


class Writer(NamedTuple):
    """What writes.

    Attributes:
        model: a decoder or an encoder-decoder, with `decode`, `logits`, `new_cache` and `config`.
        end_of_text: int or `Ends`, the id that ends a row.
        start: int, the id that starts what an encoder-decoder writes; None for a decoder.
        token_bytes: `TokenBytes`, where a text may end a row.
    """

    model: Any
    end_of_text: int
    start: int | None = None
    token_bytes: Any = None


class Weights(NamedTuple):
    """A model's weights as the steps of a loop read them, made once.

    Attributes:
        values: list of tensors, one for each of the model's weights.
        output_kernel: as `Model.logits` takes it.
    """

    values: list
    output_kernel: tf.Tensor


class Written(NamedTuple):
    """What was written.

    Attributes:
        token_ids: ragged int32 (b, None), without the end-of-text that ended them.
        log_probabilities: ragged float32 (b, None), the logarithm of each token's probability, as
            the model itself has it, before temperature, limits and constraints; or ().
    """

    token_ids: tf.RaggedTensor
    log_probabilities: tf.RaggedTensor


def generate(writer, prompts, sampling, scored=False) -> Written:
    """Continues each prompt, as one graph of plain TensorFlow operations with dynamic shapes.

    A row is what it would be alone, whatever stands beside it: padding is not read, and a draw
    depends on (seed, step) of its own row.

    Args:
        writer: `Writer`.
        prompts: ragged int32 (b, None). For a decoder an empty row starts from end-of-text, and an
            overlong one keeps its last `context - max_new_tokens` tokens. For an encoder-decoder
            they are what its encoder reads.
        sampling: `Sampling`.
        scored: bool. Whether to tell the log likelihoods.
    """
    context = writer.model.config.max_sequence_length
    sampling = bounded(sampling, context)
    first = beginning(prompts, sampling.max_new_tokens, context, writer.end_of_text, writer.start)
    longest = tf.maximum(tf.reduce_max(sampling.max_new_tokens), 0)
    width = tf.shape(first.token_ids)[1]
    padding_mask = readable_columns(first.lengths, width, width + longest, context)
    cache = new_cache(writer.model, padding_mask, first.source)
    state = prefill(writer, cache, first.token_ids, padding_mask, sampling, scored)
    state = decode(writer, state, padding_mask, sampling, memory_of(cache), longest)
    return written(state, width, writer.end_of_text)


def generate_anew(writer, sampling) -> Written:
    """What `generate` gives for empty prompts, by a graph that a decoder is traced for but once.

    Args:
        writer: `Writer`, of a decoder.
        sampling: `Sampling`, of one value a row.
    """
    model, end_of_text = writer.model, writer.end_of_text
    sampling = bounded(sampling, model.config.max_sequence_length)
    longest = tf.maximum(tf.reduce_max(sampling.max_new_tokens), 0)
    start = tf.fill([tf.size(sampling.max_new_tokens), 1], int(end_of_text))
    padding_mask = tf.fill([tf.size(start), 1 + longest], True)
    cache = new_cache(model, padding_mask)
    state = _nothing_drawn(writer, cache, start, padding_mask, sampling, scored=False)
    state = decode(writer, state, padding_mask, sampling, (), longest)
    return written(state, 1, end_of_text)


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


def prefill(writer, cache, token_ids, padding_mask, sampling, scored=False) -> State:
    """Reads tokens (b, p) into an empty cache of s columns, and draws the first new tokens."""
    state = _nothing_drawn(writer, cache, token_ids, padding_mask, sampling, scored)
    return advance(writer, state, token_ids, padding_mask, sampling, memory_of(cache))


def _nothing_drawn(writer, cache, token_ids, padding_mask, sampling, scored):
    """The state before the first draw."""
    room = tf.shape(padding_mask)[1] - tf.shape(token_ids)[1]
    tokens = tf.pad(token_ids, [[0, 0], [0, room]], constant_values=int(writer.end_of_text))
    return State(
        step=tf.constant(0),
        last=token_ids[:, -1],
        finished=sampling.max_new_tokens <= 0,
        tokens=tokens,
        log_probabilities=tf.zeros(tf.shape(tokens)) if scored else (),
        newest_bytes=stops.nothing_written(sampling.constraints),
        index=cache.index,
        keys=tuple(cache.keys),
        values=tuple(cache.values),
    )


def decode(writer, state, padding_mask, sampling, memory, until, weights=None) -> State:
    """Draws until `until` (int32 ()) tokens a row are drawn, or every row is finished.

    Args:
        memory: from `memory_of`.
        weights: `Weights`, as for `repeat`.
    """

    def unfinished(state):
        return (state.step < until) & ~tf.reduce_all(state.finished)

    def step(state, output_kernel):
        fixed = (padding_mask, sampling, memory, output_kernel)
        return advance(writer, state, state.last[:, None], *fixed)

    return repeat(writer.model, unfinished, step, state, weights)


def repeat(model, unfinished, step, state, weights=None):
    """Steps as long as the state is unfinished, with the model's weights at hand.

    Args:
        unfinished: function of the state, giving bool ().
        step: function of the state and the output kernel, giving the next state.
        state: structure of tensors.
        weights: `Weights`, or None: they are read here.
    """
    weights = weights or weights_as_they_are(model)

    def body(state):
        after = step(state, weights.output_kernel)
        return (tf.nest.map_structure(_as_before, after, state),)

    with in_place_of(model.weights, weights.values):
        return tf.while_loop(unfinished, body, (state,))[0]


def weights_as_they_are(model) -> Weights:
    """With kernels (m, f) of the compute dtype, in the dtype that products are computed in."""
    dtype = product_dtype(model.compute_dtype)
    values = _with_kernels(model, lambda kernel: tf.cast(kernel, dtype))
    return Weights(values, tf.cast(tf.transpose(_output_weights(model)), dtype))


def turned_weights(model, num_rows) -> Weights:
    """For a compiled program, with kernels of the compute dtype as `kernels.turned` has them."""
    values = _with_kernels(model, lambda kernel: kernels.turned(tf.transpose(kernel), num_rows))
    return Weights(values, kernels.turned(_output_weights(model), num_rows))


def _with_kernels(model, make):
    """The weights' values, with what `make` makes of each kernel, rounded to the compute dtype."""
    values = weights_at_hand(model.weights, model.compute_dtype)
    return [
        make(value) if is_kernel(variable) else value
        for variable, value in zip(model.weights, values, strict=True)
    ]


def _output_weights(model):
    return tf.cast(model.output_weights(), model.compute_dtype)


def advance(writer, state, token_ids, padding_mask, sampling, memory, output_kernel=None) -> State:
    """One step: reads the next tokens (b, t) of each row, then draws one token after the last."""
    model, end_of_text, constraints = writer.model, writer.end_of_text, sampling.constraints
    cache = KeyValueCache(state.keys, state.values, state.index, *memory)
    hidden = model.decode(token_ids, cache, padding_mask)
    logits = model.logits(hidden[:, -1], output_kernel)
    past = history(state.tokens, padding_mask, cache.index, state.step)
    drawn = draw(constrained(logits, constraints, past, end_of_text), sampling, state.step)
    is_end = is_one_of(drawn, end_of_text) | stops.is_stop_token(drawn, constraints)
    finished = state.finished | is_end
    newest_bytes, is_said = stops.written(
        state.newest_bytes, drawn, constraints, writer.token_bytes
    )
    column = tf.range(tf.shape(state.tokens)[1]) == cache.index
    scores = state.log_probabilities
    if not isinstance(scores, tuple):
        scores = tf.where(column, _log_probability(logits, drawn)[:, None], scores)
    drawn = tf.where(finished, int(end_of_text), drawn)
    return State(
        step=state.step + 1,
        last=drawn,
        finished=finished | is_said | (state.step + 1 >= sampling.max_new_tokens),
        tokens=tf.where(column, drawn[:, None], state.tokens),
        log_probabilities=scores,
        newest_bytes=newest_bytes,
        index=cache.index,
        keys=tuple(cache.keys),
        values=tuple(cache.values),
    )


def draw(logits, sampling, step):
    """The next token of each row, int32 (b,)."""
    if not isinstance(sampling.num_drawn, tuple):
        step += sampling.num_drawn
    how = sampling.temperature, sampling.top_k, sampling.top_p, sampling.seed
    return sample(logits, *how, step, sampling.min_p)


def _log_probability(logits, token_ids):
    chosen = tf.gather(logits, token_ids, batch_dims=1)
    return chosen - tf.reduce_logsumexp(logits, -1)


def written(state, width, end_of_text) -> Written:
    """What stands behind the prompts, of `width` columns, up to each row's end."""
    tokens = state.tokens[:, width:]
    is_text = before_end(tokens, end_of_text)
    scores = state.log_probabilities
    if not isinstance(scores, tuple):
        scores = tf.ragged.boolean_mask(scores[:, width:], is_text)
    return Written(tf.ragged.boolean_mask(tokens, is_text), scores)


def before_end(tokens, end_of_text):
    """bool (b, n), True at the tokens of each row before its first end-of-text."""
    return tf.cumsum(tf.cast(tokens == int(end_of_text), tf.int32), axis=1) == 0


def _as_before(after, before):
    """A loop's tensors keep their static shapes."""
    after.set_shape(before.shape)
    return after
