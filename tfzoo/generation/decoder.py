"""Decoding from Python: `tfzoo.generation.loop`, and the search beside it, as compiled programs.

The prompts are read by a plain graph, which takes any shape. The loop is one XLA program for each
(batch, cache length), and for each length of the sources that are read, if any, so all of these are
rounded up to a few sizes; it runs for as many tokens as it is told, so that the same program gives
a whole text at once or piece by piece.

On a CPU a batch is cut in two, decoded side by side: on two cores eight prompts of a small model
then take two thirds of the time. Weights that no cache of the processor holds are read from memory
but once a step instead, for all rows: eight prompts of GPT-2 then take four fifths of it.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from tfzoo import kernels
from tfzoo.generation import beam, loop, sliding
from tfzoo.generation.blocks import with_columns
from tfzoo.generation.kept import Kept
from tfzoo.generation.prompts import beginning, bounded, readable_columns
from tfzoo.kernels.bfloat16 import product_dtype
from tfzoo.kernels.product import FEW_ROWS

LARGEST_BATCH = 32
LARGE = 32_000_000  # Weights of a model that the caches of a processor do not hold.
SMALL_STEP, LARGE_STEP = 64, 256  # Caches are multiples of the one up to the other, then of it.


class Decoder:
    """A model ready to continue prompts. Keep it: its programs are compiled at their first use.

    It follows a model in training: weights that have changed since the call before are read anew.

    Args:
        writer: `Writer`.
    """

    def __init__(self, writer):
        self.writer = writer
        self.context = writer.model.config.max_sequence_length
        num_weights = sum(math.prod(variable.shape) for variable in writer.model.weights)
        self._is_large = num_weights > LARGE
        with _one_program():
            dtype = tf.as_dtype(writer.model.compute_dtype)
            self._has_pairs = product_dtype(dtype) != dtype
        graph = functools.partial(tf.function, autograph=False)

        def parts(function):
            part = graph(functools.partial(function, writer), jit_compile=True)
            return graph(functools.partial(_all_parts, part))

        weights = graph(functools.partial(_weights, writer.model))
        self._weights = Kept(writer.model.weights, weights)
        prefill = functools.partial(_prefill, writer)
        self._prefill = graph(prefill, reduce_retracing=True)
        self._decode = parts(_decode)
        first_beams = functools.partial(_first_beams, writer)
        self._first_beams = graph(first_beams, reduce_retracing=True)
        self._search = parts(_search)

    def generate(self, prompts, sampling, slides=False):
        """Continues prompts to their ends.

        Args:
            prompts: list of lists of token ids. For a decoder an empty one starts from end-of-text,
                and an overlong one keeps its last `context - max_new_tokens` tokens. For an
                encoder-decoder they are what its encoder reads.
            sampling: `Sampling`, of one value a prompt.
            slides: bool. Whether a row of a decoder may be longer than the model's context, and
                forgets its older half when that is full.

        Returns:
            List of lists of the new token ids, without the end-of-text that ended them.
        """
        return [row for row, _ in self._whole(prompts, sampling, slides, scored=False)]

    def generate_scored(self, prompts, sampling, slides=False):
        """As `generate`, and how likely each token was.

        Returns:
            list of pairs of the new token ids and the logarithms of their probabilities, as the
            model has them before temperature, limits and constraints: lists of int and of float.
        """
        return self._whole(prompts, sampling, slides, scored=True)

    def stream(self, prompts, sampling, slides=False, chunk_size=8):
        """Continues prompts, up to `chunk_size` tokens a row at a time.

        Args:
            prompts, sampling, slides: as for `generate`; at most 32 prompts.
            chunk_size: int > 0.

        Yields:
            List of lists of token ids: what is new in each row since the yield before.
        """
        for rows in self._chunks(prompts, sampling, slides, chunk_size, scored=False):
            yield [row for row, _ in rows]

    def search(self, prompts, options, num_beams):
        """Looks for the likeliest continuations, as `beam` tells.

        Args:
            prompts: as for `generate`.
            options: `BeamSearch`, of one value a prompt.
            num_beams: int > 0, k.

        Returns:
            list of lists of k texts, best first: lists of the new token ids, without the
            end-of-text that ended them; and float32 (b, k), their scores.
        """
        texts, scores = [], [np.zeros([0, num_beams], np.float32)]
        for some, part in _batches(prompts, options):
            inputs, width, _ = self._start(some, part)
            states, fixed = self._first_beams(inputs, num_beams)
            weights = self._weights_for(inputs, num_beams)
            beams = self._search(states, fixed, weights)
            found = np.concatenate([state.done_tokens.numpy() for state in beams])
            for row in found[: len(some), :, width:]:
                texts.append([new for new, _ in self._rows(row, row)])
            scores.append(np.concatenate([state.done_scores for state in beams])[: len(some)])
        return texts, np.concatenate(scores)

    def _whole(self, prompts, sampling, slides, scored):
        written = []
        for some, part in _batches(prompts, sampling):
            rows = [([], []) for _ in some]
            for chunk in self._chunks(some, part, slides, self.context, scored):
                for (tokens, scores), (more, their_scores) in zip(rows, chunk, strict=True):
                    tokens += more
                    scores += their_scores
            written += rows
        return written

    def _chunks(self, prompts, sampling, slides, chunk_size, scored):
        read = functools.partial(self._window, chunk_size=chunk_size, scored=scored)
        if slides:
            prompts = [prompt or [int(self.writer.end_of_text)] for prompt in prompts]
            return sliding.windows(read, self.context, prompts, sampling)
        return read(prompts, sampling)

    def _window(self, prompts, sampling, chunk_size, scored):
        """Yields pairs of what is new in each row and its scores, within one context."""
        inputs, width, longest = self._start(prompts, sampling)
        states, fixed = self._prefill(inputs, scored)
        num_columns, end_of_text = fixed[0][0].shape[1], int(self.writer.end_of_text)
        with _one_program():
            states = [with_columns(state, num_columns, end_of_text) for state in states]
        weights = self._weights_for(inputs) if longest > 1 else None
        shown = 0
        while True:
            until = min(shown + chunk_size, longest)
            if until > 1:  # The first tokens are drawn already.
                states = self._decode(states, fixed, weights, tf.constant(until))
            new = slice(width + shown, width + until)
            tokens = np.concatenate([state.tokens[:, new] for state in states])
            scores = np.zeros(tokens.shape, np.float32)
            if scored:
                scores = np.concatenate([state.log_probabilities[:, new] for state in states])
            yield self._rows(tokens, scores)[: len(prompts)]
            shown = until
            if until == longest or all(state.finished.numpy().all() for state in states):
                return

    def _start(self, prompts, options):
        """Pads the batch to a size there is a program for, and cuts it into parts.

        Returns:
            list of (token_ids, padding_mask, options, source), one a part, the columns of
            token_ids, and the most tokens to draw.
        """
        size = _next_power_of_two(len(prompts))
        absent = size - len(prompts)
        ragged = tf.ragged.constant([*prompts, *[[]] * absent], dtype=tf.int32, ragged_rank=1)
        options = bounded(_with_rows(options, absent), self.context)
        limits = options.max_new_tokens
        room = int(tf.reduce_max(limits))
        end_of_text, start = self.writer.end_of_text, self.writer.start
        first = beginning(ragged, limits, self.context, end_of_text, start)
        width = first.token_ids.shape[1]
        length = cache_length(width + room)
        padding_mask = readable_columns(first.lengths, width, length, self.context)
        inputs = (first.token_ids, padding_mask, options, _for_a_program(first.source))
        num_parts = 1 if self._is_large else kernels.streams.num_streams()
        return kernels.streams.cut(inputs, num_parts), width, room

    def _weights_for(self, inputs, num_beams=1):
        num_prompts = inputs[0][0].shape[0]
        num_rows = num_prompts * num_beams
        is_one = len(inputs) == num_prompts == 1
        reads_pairs = self._has_pairs and len(inputs) * num_rows <= FEW_ROWS
        if not (self._is_large or is_one or reads_pairs):
            return self._weights(None)
        # Numbers of rows that read weights alike share what is kept.
        return self._weights(next((n for n in (1, FEW_ROWS) if num_rows <= n), FEW_ROWS + 1))

    def _rows(self, tokens, scores):
        """Pairs of each row of tokens (b, n) before its first end-of-text, and of their scores."""
        counts = np.sum(np.cumsum(tokens == int(self.writer.end_of_text), axis=1) == 0, axis=1)
        rows = zip(tokens, scores, counts, strict=True)
        return [(row[:n].tolist(), values[:n].tolist()) for row, values, n in rows]


def cache_length(num_columns):
    """The columns of the smallest cache there is a program for that has `num_columns`."""
    step = SMALL_STEP if num_columns <= LARGE_STEP else LARGE_STEP
    return -(-num_columns // step) * step


def _batches(prompts, options):
    """As many prompts as go together, and their options, until there are no more."""
    for first in range(0, len(prompts), LARGEST_BATCH):
        rows = slice(first, first + LARGEST_BATCH)
        part = tf.nest.map_structure(lambda values, rows=rows: np.asarray(values)[rows], options)
        yield prompts[rows], part


def _with_rows(options, count):
    """Options with rows of zeros behind."""
    return tf.nest.map_structure(
        lambda values: tf.pad(values, [[0, count]] + [[0, 0]] * (np.ndim(values) - 1)), options
    )


def _for_a_program(source):
    """A source whose mask is as long as a cache there is a program for."""
    if not source:
        return ()
    token_ids, mask = source
    absent = cache_length(mask.shape[1]) - mask.shape[1]
    return token_ids, tf.pad(mask, [[0, 0], [0, absent]])


def _prefill(writer, inputs, scored):
    """The first states of all parts, with the columns of one new token, and what stays beside."""
    prefill = functools.partial(loop.prefill, scored=scored)
    return _first(writer, inputs, prefill, num_new_columns=1)


def _first_beams(writer, inputs, num_beams):
    """The first beams of all parts, with all columns, and what stays beside."""
    prefill = functools.partial(beam.prefill, num_beams=num_beams)
    beams, fixed = _first(writer, inputs, prefill)
    caches = [_as_multiplied((state.keys, state.values)) for state in beams]
    read = zip(beams, caches, strict=True)
    return [state._replace(keys=keys, values=values) for state, (keys, values) in read], fixed


def _first(writer, inputs, prefill, num_new_columns=None):
    states, fixed = [], []
    with kernels.compiled(False, gradients=False, here=True):
        for token_ids, padding_mask, options, source in inputs:
            end = num_new_columns and tf.shape(token_ids)[1] + num_new_columns
            columns = padding_mask[:, :end]
            cache = loop.new_cache(writer.model, columns, source)
            state = prefill(writer, cache, token_ids, columns, options)
            states.append(state)
            fixed.append((padding_mask, options, _as_multiplied(loop.memory_of(cache))))
    return states, fixed


def _as_multiplied(tensors):
    """Tensors, the floats among them in the dtype that products of one program are made in."""

    def cast(x):
        return tf.cast(x, product_dtype(x.dtype)) if x.dtype.is_floating else x

    with _one_program():
        return tf.nest.map_structure(cast, tensors)


def _all_parts(program, states, fixed, weights, *until):
    parts = zip(states, fixed, strict=True)
    return [program(state, *part, weights, *until) for state, part in parts]


def _weights(model, num_rows):
    with _one_program():
        if num_rows:
            return loop.turned_weights(model, num_rows)
        return loop.weights_as_they_are(model)


def _decode(writer, state, padding_mask, sampling, memory, weights, until):
    with _one_program():
        return loop.decode(writer, state, padding_mask, sampling, memory, until, weights)


def _search(writer, beams, padding_mask, options, memory, weights):
    with _one_program():
        return beam.decode(writer, beams, padding_mask, options, memory, weights)


def _one_program():
    return kernels.compiled(gradients=False, whole=True)


def _next_power_of_two(number):
    return 1 << max(number - 1, 0).bit_length()
