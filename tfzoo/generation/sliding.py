"""Texts longer than the model's context: when it is full, each row forgets its older half."""

import numpy as np
import tensorflow as tf


def windows(read, context, prompts, sampling):
    """Writes window after window, each as if its tokens were a prompt.

    Where a row's window ends depends on the row alone. Its draws go on to be numbered; what its
    constraints look at is the window.

    Args:
        read: function of prompts and a `Sampling`, giving an iterator: lists of pairs of the new
            tokens and their scores, of each row, as `Decoder` makes them.
        context: int, tokens of a window.
        prompts: list of lists of token ids, none empty.
        sampling: `Sampling` of arrays, whose `max_new_tokens` may be any number.

    Yields:
        list of pairs of lists, what is new in each row.
    """
    texts, num_drawn = [list(prompt) for prompt in prompts], np.zeros(len(prompts), np.int32)
    is_open = np.asarray(sampling.max_new_tokens) > 0
    while is_open.any():
        [rows] = np.nonzero(is_open)
        kept = [_window(texts[row], context) for row in rows]
        room = context - np.array([len(window) for window in kept])
        limits = np.minimum(sampling.max_new_tokens[rows] - num_drawn[rows], room)
        goals = num_drawn[rows] + limits
        for chunk in read(kept, _going_on(sampling, rows, limits, num_drawn[rows])):
            found = [([], []) for _ in prompts]
            for row, (tokens, scores) in zip(rows, chunk, strict=True):
                texts[row] += tokens
                num_drawn[row] += len(tokens)
                found[row] = (tokens, scores)
            yield found
        is_open[rows] = (num_drawn[rows] == goals) & (goals < sampling.max_new_tokens[rows])


def _window(tokens, context):
    return tokens if len(tokens) < context else tokens[-(context // 2) :]


def _going_on(sampling, rows, limits, num_drawn):
    """What is asked of some rows that have so many draws behind them."""
    part = tf.nest.map_structure(lambda values: np.asarray(values)[rows], sampling)
    part = part._replace(max_new_tokens=limits.astype(np.int32), num_drawn=num_drawn)
    if not part.constraints:
        return part
    constraints = part.constraints._replace(
        min_new_tokens=np.maximum(part.constraints.min_new_tokens - num_drawn, 0),
        is_continued=part.constraints.is_continued | (num_drawn > 0),
    )
    return part._replace(constraints=constraints)
