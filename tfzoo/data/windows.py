"""Batches of packed rows, as a pure function of (seed, step).

Window w of a store is `tokens[w * t : w * t + t + 1]`: t tokens to read, and the same
shifted by one to predict. Windows follow each other without padding, over the borders
of documents, which end-of-text marks. b rows a batch, t tokens a row.
"""

import numpy as np
import tensorflow as tf

from tfzoo.data.permutation import permuted
from tfzoo.data.token_store import TokenStore
from tfzoo.errors import UsageError

_TOKENS_A_CALL = 2**14  # A call of Python costs as much as reading some thousands of tokens.


def num_windows(store: TokenStore, sequence_length: int) -> int:
    """Number of whole windows of `sequence_length` tokens; what is left at the end is not used."""
    return (store.num_tokens - 1) // sequence_length


def training_batches(
    store: TokenStore,
    *,
    sequence_length: int,
    global_batch_size: int,
    seed: int,
    first_step: int = 1,
    rows: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Batches without end: each epoch holds each window once, in an order of its own.

    Row r of step s is number n = (s - 1) * global_batch_size + r of all rows, and reads
    place n % num_windows of the permutation of epoch n // num_windows. Nothing else
    decides it, so a run may begin at any step, and workers may share the rows.

    Args:
        store: the tokens.
        sequence_length: t, tokens a row.
        global_batch_size: rows a step, of all workers together.
        seed: seed of the order.
        first_step: step of the first batch; steps count from 1.
        rows: (start, stop), the rows of each step to give; None means all.

    Returns:
        Dataset of dicts: `token_ids` int32 (b, t), `targets` int32 (b, t) and `weights`
        float32 (b, t), all ones.

    Raises:
        UsageError: if the text does not fill one window.
    """
    start, stop = rows or (0, global_batch_size)
    windows = num_windows(store, sequence_length)
    if not windows:
        raise UsageError(
            f"--sequence_length={sequence_length} needs {sequence_length + 1} tokens of training "
            f"text. Received: {store.num_tokens}. Give more text or a smaller --sequence_length."
        )
    rows_a_step = stop - start
    steps_a_call = max(1, _TOKENS_A_CALL // (rows_a_step * sequence_length))
    lanes = np.arange(steps_a_call)[:, None] * global_batch_size + np.arange(start, stop)

    def batches(step):
        epochs, places = np.divmod(((step - 1) * global_batch_size + lanes).ravel(), windows)
        firsts = permuted(places, windows, seed=seed, epochs=epochs) * sequence_length
        return _gathered(store, firsts, sequence_length)

    def elements(step):
        token_ids, targets = _call(batches, step, (lanes.size, sequence_length))
        return _element(token_ids, targets, tf.ones_like(token_ids, tf.float32))

    steps = tf.data.Dataset.counter(start=first_step, step=steps_a_call)
    return _prefetched(steps.map(elements).rebatch(rows_a_step, drop_remainder=True))


def num_evaluation_batches(
    store: TokenStore,
    *,
    sequence_length: int,
    batch_size: int,
    num_shards: int = 1,
    stride: int | None = None,
) -> int:
    """Number of batches of each shard of `evaluation_batches`."""
    num_targets = store.num_tokens - 1
    after_first_row = max(0, num_targets - sequence_length)
    rows = min(num_targets, 1) + -(-after_first_row // (stride or sequence_length))
    return -(-rows // (batch_size * num_shards))


def evaluation_batches(
    store: TokenStore,
    *,
    sequence_length: int,
    batch_size: int,
    shard: tuple[int, int] = (0, 1),
    stride: int | None = None,
) -> tf.data.Dataset:
    """All tokens but the first as targets, each once over all shards, in order.

    With a stride, rows overlap: each begins `stride` tokens after the one before it, and of its
    targets those that are new count, the last `stride`. A target is then predicted from more than
    t - stride tokens, save in the first row, which has no tokens before it.

    Args:
        store: the tokens.
        sequence_length: t, tokens a row.
        batch_size: b, rows a batch of one shard.
        shard: (index, count). Each shard gives the same number of batches.
        stride: int in [1, t], how far rows are apart; None: t, without overlap.

    Returns:
        Dataset of dicts as in `training_batches`. Where the text ends before the row or
        the batch, end-of-text fills it up with weight 0.
    """
    index, count = shard
    stride = stride or sequence_length
    batches = num_evaluation_batches(
        store,
        sequence_length=sequence_length,
        batch_size=batch_size,
        num_shards=count,
        stride=stride,
    )
    lanes = np.arange(batch_size, dtype=np.int64)
    last = store.num_tokens - 1

    def batch(number):
        firsts = ((number * count + index) * batch_size + lanes) * stride
        token_ids, targets = _gathered(store, firsts, sequence_length)
        real = firsts[:, None] + np.arange(sequence_length) < last
        ends = np.int32(store.end_of_text)
        return np.where(real, token_ids, ends), np.where(real, targets, ends)

    def element(number):
        token_ids, targets = _call(batch, number, (batch_size, sequence_length))
        rows = (number * count + index) * batch_size + lanes[:, None]
        columns = np.arange(sequence_length)
        is_new = (rows == 0) | (columns >= sequence_length - stride)
        weights = tf.cast(is_new & (rows * stride + columns < last), tf.float32)
        return _element(token_ids, targets, weights)

    return _prefetched(tf.data.Dataset.range(batches).map(element))


def _gathered(store, firsts, length):
    """int32 (b, t) twice: the windows that start at `firsts`, and the same one token on."""
    token_ids = np.empty((len(firsts), length), np.int32)
    targets = np.empty((len(firsts), length), np.int32)
    for row, first in enumerate(firsts):
        window = store.read(first, first + length + 1)
        token_ids[row, : len(window)] = window[:length]
        targets[row, : max(0, len(window) - 1)] = window[1:]
    return token_ids, targets


def _call(function, number, shape):
    token_ids, targets = tf.numpy_function(function, [number], (tf.int32, tf.int32))
    return tf.ensure_shape(token_ids, shape), tf.ensure_shape(targets, shape)


def _element(token_ids, targets, weights):
    return {"token_ids": token_ids, "targets": targets, "weights": weights}


def _prefetched(dataset):
    """Two batches ahead; autotune off, since taking it down can wait for seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return dataset.prefetch(2).with_options(options)
