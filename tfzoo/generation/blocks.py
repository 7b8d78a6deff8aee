"""A cache as the compiled loop of a CPU reads it fastest.

Shape letters: b batch, g key head, s column, d head width.
"""

import tensorflow as tf

from tfzoo.kernels.attention import folded

SMALLEST, MOST = 64, 4  # Columns of a block, and blocks: each makes a program longer to compile.


def block_columns(num_rows, num_columns):
    """How many columns of a cache go together: all, or at most a `MOST`th of many."""
    if num_rows == 1 or tf.config.list_physical_devices("GPU"):
        return num_columns
    return max(SMALLEST, num_columns // MOST)


def with_columns(state, num_columns, end_of_text):
    """A `State` that has read its prompts, with columns for what is to be drawn.

    Args:
        state: `State` of eager tensors, as `loop.prefill` gives it.
        num_columns: int, s, a multiple of `block_columns`.
        end_of_text: int.

    Returns:
        `State`. For one row its keys and values are `folded`; for several they are tuples of blocks
        (b, g, `block_columns`, d), or (b, g, s, d) if one block holds all.
    """
    rest = [[0, 0], [0, num_columns - state.tokens.shape[1]]]
    scores = state.log_probabilities
    size = block_columns(state.tokens.shape[0], num_columns)
    b, g, _, d = state.keys[0].shape
    empty = tf.zeros([b, g, size, d], state.keys[0].dtype)  # The same one in all layers.

    def in_blocks(x):
        filled = [_padded(x[:, :, i : i + size], size) for i in range(0, x.shape[2], size)]
        blocks = (*filled, *[empty] * (num_columns // size - len(filled)))
        return blocks if len(blocks) > 1 else folded(blocks[0])

    return state._replace(
        tokens=tf.pad(state.tokens, rest, constant_values=end_of_text),
        log_probabilities=scores if isinstance(scores, tuple) else tf.pad(scores, rest),
        keys=tuple(map(in_blocks, state.keys)),
        values=tuple(map(in_blocks, state.values)),
    )


def _padded(x, num_columns):
    return tf.pad(x, [[0, 0], [0, 0], [0, num_columns - x.shape[2]], [0, 0]])
