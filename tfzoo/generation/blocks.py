"""A cache as the compiled loop of a CPU reads it fastest.

Shape letters: b batch, g key head, s column, d head width.
"""

import tensorflow as tf

from tfzoo.kernels import pairs
from tfzoo.kernels.attention import folded
from tfzoo.kernels.bfloat16 import product_dtype
from tfzoo.kernels.write_columns import in_pairs

SMALLEST, MOST = 64, 4  # Columns of a block, and blocks: each makes a program longer to compile.


def block_columns(num_rows, num_columns):
    """How many columns of a cache go together: all, or at most a `MOST`th of many."""
    if num_rows == 1 or tf.config.list_physical_devices("GPU"):
        return num_columns
    return max(SMALLEST, num_columns // MOST)


def with_columns(state, num_columns, end_of_text):
    """A `State` that has read its prompts, with columns for what is to be drawn.

    Call it under `kernels.compiled(whole=True)`, as the loop that reads it is traced.

    Args:
        state: `State` of eager tensors, as `loop.prefill` gives it.
        num_columns: int, s, a multiple of `block_columns`.
        end_of_text: int.

    Returns:
        `State`. Its keys and values are `in_pairs` if they are bfloat16 that is multiplied in
        float32. Else for one row they are `folded`; for several they are tuples of blocks
        (b, g, `block_columns`, d), or (b, g, s, d) if one block holds all.
    """
    rest = [[0, 0], [0, num_columns - state.tokens.shape[1]]]
    scores = state.log_probabilities
    size = block_columns(state.tokens.shape[0], num_columns)
    keys, values = _in_blocks(state.keys, state.values, size, num_columns // size)
    return state._replace(
        tokens=tf.pad(state.tokens, rest, constant_values=end_of_text),
        log_probabilities=scores if isinstance(scores, tuple) else tf.pad(scores, rest),
        keys=keys,
        values=values,
    )


def _in_blocks(keys, values, size, num_blocks):
    b, g, num_filled, d = keys[0].shape
    num_filled = -(-num_filled // size)
    dtype = product_dtype(keys[0].dtype)
    if dtype != keys[0].dtype and d % 2 == size % 2 == 0 and size <= 2 * pairs.LONGEST_SUM:

        def paired(x, of_values):
            filled = in_pairs(_padded(x, num_filled * size), size, of_values=of_values)
            return tf.pad(filled, [[0, num_blocks - num_filled], *[[0, 0]] * 4])

        return tuple(paired(x, False) for x in keys), tuple(paired(x, True) for x in values)
    empty = tf.zeros([b, g, size, d], dtype)  # The same one in all layers.

    def in_blocks(x):
        filled = tf.split(_padded(tf.cast(x, dtype), num_filled * size), num_filled, axis=2)
        blocks = (*filled, *[empty] * (num_blocks - num_filled))
        return blocks if len(blocks) > 1 else folded(blocks[0])

    return tuple(map(in_blocks, keys)), tuple(map(in_blocks, values))


def _padded(x, num_columns):
    return tf.pad(x, [[0, 0], [0, 0], [0, num_columns - x.shape[2]], [0, 0]])
