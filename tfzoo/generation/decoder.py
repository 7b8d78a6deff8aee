"""Decoding from Python: `tfzoo.generation.loop`, and the search beside it, as compiled programs.

The prompts are read by a plain graph, which takes any shape. The loop is one XLA program for each
(batch, cache length), and for each length of the sources that are read, if any, so all of these are
rounded up to a few sizes; it runs for as many tokens as it is told, so that the same program gives
a whole text at once or piece by piece. On a CPU a batch is cut in two, decoded side by side: on two
cores eight prompts then take two thirds of the time.
"""

import functools

import numpy as np
import tensorflow as tf

from tfzoo import kernels
from tfzoo.generation import beam, loop
from tfzoo.generation.prompts import beginning, bounded, readable_columns

LARGEST_BATCH = 32
SMALL_STEP, LARGE_STEP = 64, 256  # Caches are multiples of the one up to the other, then of it.


class Decoder:
    """A model ready to continue prompts. Keep it: its programs are compiled at their first use.

    It reads the model's weights anew at each call, so it follows a model in training.

    Args:
        model: a decoder or an encoder-decoder, with `decode`, `logits`, `new_cache` and `config`.
        end_of_text: int or `Ends`, the id that ends a row.
        start: int, the id that starts what an encoder-decoder writes; None for a decoder.
    """

    def __init__(self, model, end_of_text, start=None):
        self.context = model.config.max_sequence_length
        self.end_of_text = end_of_text
        self.start = start
        graph = functools.partial(tf.function, autograph=False)

        def parts(function):
            part = graph(functools.partial(function, model, end_of_text), jit_compile=True)
            return graph(functools.partial(_all_parts, part))

        prefill = functools.partial(_prefill, model, end_of_text)
        self._prefill = graph(prefill, reduce_retracing=True)
        self._decode = parts(_decode)
        first_beams = functools.partial(_first_beams, model, end_of_text)
        self._first_beams = graph(first_beams, reduce_retracing=True)
        self._search = parts(_search)

    def generate(self, prompts, sampling):
        """Continues prompts to their ends.

        Args:
            prompts: list of lists of token ids. For a decoder an empty one starts from end-of-text,
                and an overlong one keeps its last `context - max_new_tokens` tokens. For an
                encoder-decoder they are what its encoder reads.
            sampling: `Sampling`, of one value a prompt.

        Returns:
            List of lists of the new token ids, without the end-of-text that ended them.
        """
        new_tokens = []
        for some, part in _batches(prompts, sampling):
            new_tokens += next(self.stream(some, part, chunk_size=self.context))
        return new_tokens

    def search(self, prompts, options, num_beams):
        """Looks for the likeliest continuations, as `beam` tells.

        Args:
            prompts: as for `generate`.
            options: `BeamSearch`, of one value a prompt.
            num_beams: int > 0.

        Returns:
            list of lists of the new token ids, without the end-of-text that ended them, and
            float32 (b,), their scores.
        """
        new_tokens, scores = [], [np.zeros(0, np.float32)]
        for some, part in _batches(prompts, options):
            inputs, _ = self._start(some, part)
            states, fixed = self._first_beams(inputs, num_beams)
            found = [beam.best(state) for state in self._search(states, fixed)]
            tokens, values = (np.concatenate(x)[: len(some)] for x in zip(*found, strict=True))
            new_tokens += self._rows(tokens)
            scores.append(values)
        return new_tokens, np.concatenate(scores)

    def stream(self, prompts, sampling, chunk_size=8):
        """Continues prompts, up to `chunk_size` tokens a row at a time.

        Args:
            prompts, sampling: as for `generate`; at most 32 prompts.
            chunk_size: int > 0.

        Yields:
            List of lists of token ids: what is new in each row since the yield before.
        """
        inputs, longest = self._start(prompts, sampling)
        states, fixed = self._prefill(inputs)
        shown = 0
        while True:
            until = min(shown + chunk_size, longest)
            if until > 1:  # The first tokens are drawn already.
                states = self._decode(states, fixed, tf.constant(until))
            new_tokens = np.concatenate([state.new_tokens.numpy() for state in states])
            yield self._rows(new_tokens[: len(prompts), shown:until])
            shown = until
            if until == longest or all(state.finished.numpy().all() for state in states):
                return

    def _start(self, prompts, options):
        """Pads the batch to a size there is a program for, and cuts it into parts.

        Returns:
            list of (token_ids, padding_mask, options, source), one a part, and the most tokens to
            draw.
        """
        size = _next_power_of_two(len(prompts))
        absent = size - len(prompts)
        ragged = tf.ragged.constant([*prompts, *[[]] * absent], dtype=tf.int32, ragged_rank=1)
        options = type(options)(*(tf.pad(values, [[0, absent]]) for values in options))
        options = bounded(options, self.context)
        limits = options.max_new_tokens
        room = int(tf.reduce_max(limits))
        first = beginning(ragged, limits, self.context, self.end_of_text, self.start)
        width = first.token_ids.shape[1]
        length = cache_length(width + room)
        padding_mask = readable_columns(first.lengths, width, length, self.context)
        inputs = (first.token_ids, padding_mask, options, _for_a_program(first.source))
        return kernels.streams.cut(inputs, kernels.streams.num_streams()), room

    def _rows(self, new_tokens):
        """Cuts each row of a chunk at its first end-of-text."""
        kept = np.cumsum(new_tokens == self.end_of_text, axis=1) == 0
        return [row[mask].tolist() for row, mask in zip(new_tokens, kept, strict=True)]


def cache_length(num_columns):
    """The columns of the smallest cache there is a program for that has `num_columns`."""
    step = SMALL_STEP if num_columns <= LARGE_STEP else LARGE_STEP
    return -(-num_columns // step) * step


def _batches(prompts, options):
    """As many prompts as go together, and their options, until there are no more."""
    for first in range(0, len(prompts), LARGEST_BATCH):
        rows = slice(first, first + LARGEST_BATCH)
        yield prompts[rows], type(options)(*(np.asarray(values)[rows] for values in options))


def _for_a_program(source):
    """A source whose mask is as long as a cache there is a program for."""
    if not source:
        return ()
    token_ids, mask = source
    absent = cache_length(mask.shape[1]) - mask.shape[1]
    return token_ids, tf.pad(mask, [[0, 0], [0, absent]])


def _prefill(model, end_of_text, inputs):
    """The first states of all parts, and what stays as it is beside each."""
    states, fixed = [], []
    for token_ids, padding_mask, sampling, source in inputs:
        cache = loop.new_cache(model, padding_mask, source)
        room = tf.shape(padding_mask)[1]
        read = (cache, token_ids, padding_mask, sampling)
        states.append(loop.prefill(model, *read, end_of_text, room))
        fixed.append((padding_mask, sampling, loop.memory_of(cache)))
    return states, fixed


def _first_beams(model, end_of_text, inputs, num_beams):
    """As `_prefill`, for a search."""
    states, fixed = [], []
    for token_ids, padding_mask, options, source in inputs:
        cache = loop.new_cache(model, padding_mask, source)
        room = tf.shape(padding_mask)[1]
        read = (cache, token_ids, padding_mask, options)
        states.append(beam.prefill(model, *read, num_beams, end_of_text, room))
        fixed.append((padding_mask, options, loop.memory_of(cache)))
    return states, fixed


def _all_parts(program, states, fixed, *until):
    one_row = len(fixed) == 1 and fixed[0][0].shape[0] == 1
    parts = zip(states, fixed, strict=True)
    return [program(state, *part, *until, one_row) for state, part in parts]


def _decode(model, end_of_text, state, padding_mask, sampling, memory, until, one_row):
    fixed = (padding_mask, sampling, memory, end_of_text)
    with kernels.compiled():
        return loop.decode(model, state, *fixed, until, one_row)


def _search(model, end_of_text, beams, padding_mask, options, memory, one_row):
    with kernels.compiled():
        return beam.decode(model, beams, padding_mask, options, memory, end_of_text, one_row)


def _next_power_of_two(number):
    return 1 << max(number - 1, 0).bit_length()
