"""Prompts of different lengths side by side."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.generation.prompts import left_padded, readable_columns

CONTEXT, END = 8, 99


def padded(rows, max_new_tokens):
    ragged = tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)
    token_ids, lengths = left_padded(ragged, tf.constant(max_new_tokens), CONTEXT, END)
    return token_ids.numpy().tolist(), lengths.numpy().tolist()


@pytest.mark.parametrize(
    ("rows", "max_new_tokens", "token_ids", "lengths"),
    [
        ([[1, 2, 3], [4]], [2, 2], [[1, 2, 3], [END, END, 4]], [3, 1]),
        ([[], [1, 2]], [1, 1], [[END, END], [1, 2]], [1, 2]),
        ([[], []], [1, 1], [[END], [END]], [1, 1]),
        ([list(range(20)), [7]], [5, 5], [[17, 18, 19], [END, END, 7]], [3, 1]),
        ([list(range(20))] * 2, [7, 6], [[END, 19], [18, 19]], [1, 2]),
    ],
    ids=["lengths", "one empty", "all empty", "overlong", "limits of their own"],
)
def test_prompts_end_in_the_last_column(rows, max_new_tokens, token_ids, lengths):
    assert padded(rows, max_new_tokens) == (token_ids, lengths)


def test_a_batch_of_nothing_is_a_batch_of_nothing():
    token_ids, lengths = left_padded(
        tf.RaggedTensor.from_row_splits(tf.constant([], tf.int32), tf.constant([0], tf.int64)),
        tf.constant([], tf.int32),
        CONTEXT,
        END,
    )
    assert token_ids.shape[0] == lengths.shape[0] == 0


def test_a_row_reads_its_own_tokens_and_no_more_than_a_context_of_them():
    mask = readable_columns(tf.constant([3, 1]), 3, 12, CONTEXT).numpy()
    expected = np.zeros([2, 12], bool)
    expected[0, :8] = expected[1, 2:10] = True
    np.testing.assert_array_equal(mask, expected)
