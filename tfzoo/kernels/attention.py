"""Scaled dot-product attention (Vaswani et al., 2017, arXiv:1706.03762, equation 1).

Shape letters: b batch, h query head, g key and value head, t query position, s key position, d head
width. With g < h, each run of h / g query heads reads one key head (Ainslie et al., 2023,
arXiv:2305.13245).
"""

import contextlib
import functools

import tensorflow as tf

from tfzoo.kernels import pairs
from tfzoo.kernels.bfloat16 import matmul
from tfzoo.kernels.cluster import custom_gradient, is_compiled, program
from tfzoo.kernels.dropout import stateless_dropout
from tfzoo.kernels.elementwise import wide
from tfzoo.kernels.shapes import size, with_last

_handed_out = None  # A list, while `attention_weights` lasts.


@contextlib.contextmanager
def attention_weights():
    """While it lasts, each `attention` adds the weights that it reads with to the list given here.

    They are float (b, h, t, s), before dropout, in the order of the calls, in the dtype of the
    queries. For eager calls: a compiled function hands out nothing when it runs again.
    """
    global _handed_out
    before, _handed_out = _handed_out, []
    try:
        yield _handed_out
    finally:
        _handed_out = before


def attention(query, key, value, mask, *, scale, bias=None, dropout=0.0, seed=None):
    """`softmax(scale * query key^T + bias) value`, over the keys that the mask allows.

    Args:
        query: float (b, h, t, d).
        key, value: float (b, g, s, d), where g divides h; for one query of one row also `folded`,
            and for one query of several rows also tuples of blocks, float (b, g, s / n, d); for one
            query in a compiled program also what `in_pairs` gives.
        mask: bool, broadcastable to (b, h, t, s): True where a key may be read. A query that may
            read nothing reads all evenly: what it gives is of no use, but finite.
        scale: float, `1 / sqrt(d)`.
        bias: float, of rank 4, broadcastable to (b, h, t, s), or None.
        dropout: float in [0, 1), the share of the weights to drop.
        seed: int32 (3,), as for `stateless_dropout`; None where nothing is dropped.

    Returns:
        float (b, h, t, d), in the dtype of `query`. The softmax is computed in float32.
    """
    if isinstance(key, tuple):
        return _of_blocks(query, key, value, mask, bias, scale=scale)
    if key.dtype == tf.uint32:
        return _of_pairs(query, key, value, mask, bias, scale=scale)
    if query.shape[0] == 1 and key.shape[0] == 2:
        return _of_one_row(query, key, value, mask, scale=scale, bias=bias)

    def dropped(weights):
        return stateless_dropout(weights, seed, rate=dropout) if dropout else weights

    one_query = query.shape[2] == 1  # A step of cached decoding: nothing to gain.
    if one_query or _handed_out is not None or not is_compiled():
        weights = masked_softmax(_scores(query, key), mask, scale=scale, bias=bias)
        if _handed_out is not None:
            _handed_out.append(weights)
        return _read(dropped(weights), value)

    @custom_gradient
    def apply(query, key, value, *biases):
        weights = tf.nn.softmax(_masked(_scores(query, key), mask, *biases, scale=scale))
        kept = dropped(weights)
        read = _read(kept, value)

        def gradients(d_read):
            d_weights = dropped(_scores(d_read, value))
            flow = (weights, d_weights, read, d_read)
            d_scores = _softmax_gradient(*flow, scale=scale)
            return (
                _read(d_scores, key),
                _sum_over_queries(d_scores, query, key),
                _sum_over_queries(kept, d_read, value),
                *(_bias_gradient(*flow, bias) for bias in biases),
            )

        return read, gradients

    return apply(query, key, value, *([] if bias is None else [bias]))


@program
def _of_blocks(query, keys, values, mask, bias, *, scale):
    """`attention` by blocks of columns, of which one that no query may read is not read.

    Each block's softmax is rescaled to the highest logit of all (Milakov & Gimelshein, 2018,
    arXiv:1805.02867, algorithm 3). XLA reads a cache by one thread alone, at the speed of memory.
    """

    sizes = [key.shape[2] for key in keys] if isinstance(keys, tuple) else _sizes_of_pairs(keys)
    masks, biases = _in_columns(mask, sizes), _in_columns(bias, sizes)

    def read(number):
        block = keys[number], values[number], masks[number], biases[number]
        return _read_block(query, *block, scale=scale)

    def read_if_any(number):
        reading = functools.partial(read, number)
        nothing = functools.partial(_nothing_read, query)
        return tf.cond(tf.reduce_any(masks[number]), reading, nothing)

    parts = [read(0), *map(read_if_any, range(1, len(sizes)))]
    highest = functools.reduce(tf.maximum, [part[0] for part in parts])
    factors = [tf.exp(part[0] - highest) for part in parts]
    total = tf.add_n([f * part[1] for f, part in zip(factors, parts, strict=True)])
    joined = tf.add_n([f * part[2] for f, part in zip(factors, parts, strict=True)])
    return tf.cast(joined / total, query.dtype)


@program
def _of_pairs(query, keys, values, mask, bias, *, scale):
    made = pairs.made_once(wide(query))
    return tf.cast(_of_blocks(made, keys, values, mask, bias, scale=scale), query.dtype)


def _read_block(query, key, value, mask, bias, *, scale):
    """What a block adds: its highest logit, the sum of its weights, and what they read."""
    logits = tf.where(mask, _logits(_scores(query, key), bias, scale), -1e9)
    highest = tf.reduce_max(logits, -1, keepdims=True)
    weights = tf.exp(logits - highest)
    total = tf.reduce_sum(weights, -1, keepdims=True)
    return highest, total, wide(_read(weights, value))


def _nothing_read(query):
    """What `_of_blocks` has of a block that is not read."""
    read = tf.zeros_like(wide(query))
    total = read[..., :1]
    return total - 2e9, total, read


def _in_columns(x, sizes):
    """A mask or a bias, (..., s), (..., 1) or None, cut as the blocks are."""
    return [x] * len(sizes) if x is None or x.shape[-1] == 1 else tf.split(x, sizes, -1)


def _of_one_row(query, key, value, mask, *, scale, bias):
    """`attention` of a query (1, h, 1, d), computed as if its halves were two rows."""

    def of_halves(x):
        return x if x is None or x.shape.rank < 4 or x.shape[1] == 1 else folded(x)

    mask, bias = (of_halves(x if x is None else tf.convert_to_tensor(x)) for x in (mask, bias))
    read = attention(folded(query), key, value, mask, scale=scale, bias=bias)
    return tf.reshape(read, query.shape)


def folded(x):
    """One row (1, h, s, d) as two, (2, h / 2, s, d); else, or if the heads are odd, x as it is.

    At each step of a loop, XLA's CPU compiler copies a cache of one row, and none of two.
    """
    if x.shape[0] != 1 or x.shape[1] % 2:
        return x
    return tf.reshape(x, [2, x.shape[1] // 2, *x.shape[2:]])


def num_columns(key):
    """How many columns keys have, in blocks or not: int or int32 scalar."""
    if isinstance(key, tuple):
        return sum(size(block, 2) for block in key)
    return sum(_sizes_of_pairs(key)) if key.dtype == tf.uint32 else size(key, 2)


def _sizes_of_pairs(keys):
    return [keys.shape[3]] * keys.shape[0]


def masked_softmax(scores, mask, *, scale, bias=None):
    """`softmax(scale * scores + bias)` over the keys that the mask allows, as plain TensorFlow.

    Args:
        scores: float (b, h, t, s), products of queries and keys.
        mask, scale, bias: as for `attention`.

    Returns:
        float (b, h, t, s), in the dtype of `scores`.
    """
    logits = tf.where(mask, _logits(scores, bias, scale), -1e9)  # Not -inf: no NaN from a row.
    return tf.cast(tf.nn.softmax(logits), scores.dtype)


def _scores(query, key):
    """(b, h, t, d) and (b, g, s, d), or pairs (b, g, s, d / 2), to (b, h, t, s)."""
    if key.dtype == tf.uint32:
        return _product_of_pairs(query, key)
    products = matmul(_grouped(query, key), key, transpose_b=True)
    return _ungrouped(products, query)


def _read(weights, value):
    """(b, h, t, s) and (b, g, s, d), or pairs (b, g, d, s / 2), to (b, h, t, d)."""
    if value.dtype == tf.uint32:
        return _product_of_pairs(weights, value)
    return _ungrouped(matmul(_grouped(weights, value), value), weights)


def _product_of_pairs(x, words):
    """(b, h, t, n) and pairs (b, g, m, n / 2) to (b, h, t, m)."""
    halves = tf.split(_grouped(x, words)[:, :, :, tf.newaxis], 2, axis=-1)
    terms = [w[:, :, tf.newaxis] * half for w, half in zip(pairs.parts(words), halves, strict=True)]
    return _ungrouped(pairs.summed(tf.add_n(terms)), x)


def _sum_over_queries(weights, query, key):
    """(b, h, t, s) and (b, h, t, d) to (b, g, s, d), the shape of `key`."""
    return matmul(_grouped(weights, key), _grouped(query, key), transpose_a=True)


def _grouped(x, key):
    """(b, h, t, n) to (b, g, h / g * t, n): what reads one key head, in one matrix."""
    groups = key.shape[1]
    if x.shape[1] == groups:
        return x
    b, h, t, n = tf.unstack(tf.shape(x))
    return tf.reshape(x, [b, groups, h // groups * t, n])


def _ungrouped(x, like):
    """(b, g, h / g * t, n) to (b, h, t, n), where `like` is (b, h, t, any)."""
    return x if x.shape[1] == like.shape[1] else with_last(x, like, size(x, -1))


def _logits(scores, bias, scale):
    logits = wide(scores) * scale
    return logits if bias is None else logits + tf.cast(bias, logits.dtype)


@program
def _masked(scores, mask, bias=None, *, scale):
    logits = _logits(scores, bias, scale)
    lowest = tf.constant(0.5 * scores.dtype.min, scores.dtype)
    return tf.where(mask, tf.cast(logits, scores.dtype), lowest)


@program
def _softmax_gradient(weights, d_weights, read, d_read, *, scale):
    """Of scores, by Dao et al. (2022, arXiv:2205.14135, appendix B.2).

    The sum of weights times their gradients along a row is that of `read * d_read`, which is short.
    """
    flow = tf.reduce_sum(wide(read) * wide(d_read), -1, keepdims=True)
    return tf.cast(scale * wide(weights) * (wide(d_weights) - flow), weights.dtype)


@program
def _bias_gradient(weights, d_weights, read, d_read, bias):
    """That of the logits, summed along the axes over which the bias was broadcast."""
    flow = tf.reduce_sum(wide(read) * wide(d_read), -1, keepdims=True)
    d_logits = wide(weights) * (wide(d_weights) - flow)
    shared = [axis for axis in range(4) if bias.shape[axis] != d_logits.shape[axis]]
    return tf.cast(tf.reduce_sum(d_logits, shared, keepdims=True), bias.dtype)
