"""Decoding from Python: the loop of `tfzoo.generation.loop` as compiled programs.

The prompts are read by a plain graph, which takes any shape. The loop is one XLA program for each
(batch, cache length), so both are rounded up to a few sizes; it runs for as many tokens as it is
told, so that the same program gives a whole text at once or piece by piece. On a CPU a batch is cut
in two, decoded side by side: on two cores eight prompts then take two thirds of the time.
"""

import functools

import numpy as np
import tensorflow as tf

from tfzoo import kernels
from tfzoo.generation import loop
from tfzoo.generation.prompts import Sampling, bounded, left_padded, readable_columns

LARGEST_BATCH = 32
SMALL_STEP, LARGE_STEP = 64, 256  # Caches are multiples of the one up to the other, then of it.


class Decoder:
    """A model ready to continue prompts. Keep it: its programs are compiled at their first use.

    It reads the model's weights anew at each call, so it follows a model in training.

    Args:
        model: a decoder, with `hidden_states`, `logits`, `new_cache` and `config`.
        end_of_text: int, the id that ends a row.
    """

    def __init__(self, model, end_of_text):
        self.context = model.config.max_sequence_length
        self.end_of_text = end_of_text
        options = {"autograph": False}
        prefill = functools.partial(_prefill, model, end_of_text)
        part = tf.function(
            functools.partial(_decode, model, end_of_text), jit_compile=True, **options
        )
        self._prefill = tf.function(prefill, reduce_retracing=True, **options)
        self._decode = tf.function(functools.partial(_decode_parts, part), **options)

    def generate(self, prompts, sampling):
        """Continues prompts to their ends.

        Args:
            prompts: list of lists of token ids. An empty one starts from end-of-text; an overlong
                one keeps its last `context - max_new_tokens` tokens.
            sampling: `Sampling`, of one value a prompt.

        Returns:
            List of lists of the new token ids, without the end-of-text that ended them.
        """
        new_tokens = []
        for first in range(0, len(prompts), LARGEST_BATCH):
            rows = slice(first, first + LARGEST_BATCH)
            part = Sampling(*(np.asarray(values)[rows] for values in sampling))
            new_tokens += next(self.stream(prompts[rows], part, chunk_size=self.context))
        return new_tokens

    def stream(self, prompts, sampling, chunk_size=8):
        """Continues prompts, up to `chunk_size` tokens a row at a time.

        Args:
            prompts, sampling: as for `generate`; at most 32 prompts.
            chunk_size: int > 0.

        Yields:
            List of lists of token ids: what is new in each row since the yield before.
        """
        inputs, longest = self._start(prompts, sampling)
        states = self._prefill(inputs)
        fixed = [part[1:] for part in inputs]
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

    def _start(self, prompts, sampling):
        """Pads the batch to a size there is a program for, and cuts it into parts.

        Returns:
            list of (token_ids, padding_mask, Sampling), one a part, and the most tokens to draw.
        """
        size = _next_power_of_two(len(prompts))
        absent = size - len(prompts)
        ragged = tf.ragged.constant([*prompts, *[[]] * absent], dtype=tf.int32, ragged_rank=1)
        sampling = Sampling(*(tf.pad(values, [[0, absent]]) for values in sampling))
        sampling = bounded(sampling, self.context)
        room = int(tf.reduce_max(sampling.max_new_tokens))
        token_ids, lengths = left_padded(
            ragged, sampling.max_new_tokens, self.context, self.end_of_text
        )
        width = token_ids.shape[1]
        length = cache_length(width + room)
        padding_mask = readable_columns(lengths, width, length, self.context)
        return kernels.streams.cut(
            (token_ids, padding_mask, sampling), kernels.streams.num_streams()
        ), room

    def _rows(self, new_tokens):
        """Cuts each row of a chunk at its first end-of-text."""
        kept = np.cumsum(new_tokens == self.end_of_text, axis=1) == 0
        return [row[mask].tolist() for row, mask in zip(new_tokens, kept, strict=True)]


def cache_length(num_columns):
    """The columns of the smallest cache there is a program for that has `num_columns`."""
    step = SMALL_STEP if num_columns <= LARGE_STEP else LARGE_STEP
    return -(-num_columns // step) * step


def _prefill(model, end_of_text, inputs):
    return [
        loop.prefill(
            model, token_ids, padding_mask, sampling, end_of_text, tf.shape(padding_mask)[1]
        )
        for token_ids, padding_mask, sampling in inputs
    ]


def _decode_parts(decode, states, fixed, until):
    one_row = len(states) == 1 and states[0].last.shape[0] == 1
    return [decode(state, *part, until, one_row) for state, part in zip(states, fixed, strict=True)]


def _decode(model, end_of_text, state, padding_mask, sampling, until, one_row):
    with kernels.compiled():
        return loop.decode(model, state, padding_mask, sampling, end_of_text, until, one_row)


def _next_power_of_two(number):
    return 1 << max(number - 1, 0).bit_length()
