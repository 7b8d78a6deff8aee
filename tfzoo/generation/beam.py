"""Beam search: the likeliest texts that are found when several are kept at each step.

A row has k texts under way. Each step looks at all ways to go on with each of them by one token,
and takes the 2k likeliest together, or (1 + n) k where n ids end a text: of the best k of these,
those that end are done; the best k that do not end are under way next. Done texts compete by their
log likelihood over a power of their length, the end counted (Wu et al., 2016, arXiv:1609.08144,
section 7, in the simpler form of transformers' `generate`, whose choices these are).

Shape letters: b batch, k beam, n new token, s column of the cache, v vocabulary.
"""

from typing import NamedTuple

import tensorflow as tf

from tfzoo.generation import loop
from tfzoo.generation.ends import as_one, num_ends
from tfzoo.generation.prompts import beginning, bounded, readable_columns
from tfzoo.layers import KeyValueCache

LOWEST = -1e9  # The score of what is not there.


class BeamSearch(NamedTuple):
    """How to search for each row's tokens.

    Attributes:
        max_new_tokens: int32 (b,). Tokens to write at most, bounded to 0..context - 1.
        length_penalty: float32 (b,), the power of the length; the larger, the longer the texts.
        early_stopping: bool (b,). Whether a row ends as soon as k texts are done; if not, when the
            best text under way, as long as it is, would come behind all of them.
    """

    max_new_tokens: tf.Tensor
    length_penalty: tf.Tensor
    early_stopping: tf.Tensor


class Beams(NamedTuple):
    """Where a search stands: a structure of tensors, to be carried through a `tf.while_loop`.

    Attributes:
        step: int32 (), tokens in each text under way.
        last: int32 (b k,), the last of them, which the model has not read yet.
        new_tokens: int32 (b, k, n), the texts under way, then end-of-text.
        likelihoods: float32 (b, k), their log likelihoods, best first.
        done_tokens: int32 (b, k, n), the texts that are done, then end-of-text.
        done_scores: float32 (b, k), their scores, best first.
        is_done: bool (b, k), False where there are not so many yet.
        is_open: bool (b,), rows that still search.
        index: int32 (), columns of the cache that are filled.
        keys, values: tuples, one item a layer, of float (b k, h, s, d).
    """

    step: tf.Tensor
    last: tf.Tensor
    new_tokens: tf.Tensor
    likelihoods: tf.Tensor
    done_tokens: tf.Tensor
    done_scores: tf.Tensor
    is_done: tf.Tensor
    is_open: tf.Tensor
    index: tf.Tensor
    keys: tuple
    values: tuple


def search(model, prompts, options, num_beams, end_of_text, start=None):
    """Looks for the likeliest continuations, as one graph of plain TensorFlow operations.

    A row is what it would be alone, as in `loop.generate`.

    Args:
        model, prompts, end_of_text, start: as for `loop.generate`.
        options: `BeamSearch`.
        num_beams: int > 0, k.

    Returns:
        Ragged int32 (b, None), the new tokens without the end-of-text that ended them; and float32
        (b,), their scores.
    """
    context = model.config.max_sequence_length
    options = bounded(options, context)
    first = beginning(prompts, options.max_new_tokens, context, end_of_text, start)
    longest = tf.maximum(tf.reduce_max(options.max_new_tokens), 0)
    width = tf.shape(first.token_ids)[1]
    padding_mask = readable_columns(first.lengths, width, width + longest, context)
    cache = loop.new_cache(model, padding_mask, first.source)
    fixed = (padding_mask, options)
    beams = prefill(model, cache, first.token_ids, *fixed, num_beams, end_of_text, longest)
    beams = decode(model, beams, *fixed, loop.memory_of(cache), end_of_text)
    tokens, scores = best(beams)
    return loop.ragged_tokens(tokens, end_of_text), scores


def prefill(model, cache, token_ids, padding_mask, options, num_beams, end_of_text, num_columns):
    """Reads tokens (b, p) into an empty cache of s columns, and takes the best first tokens.

    Args:
        num_columns: int32 (), n, how many new tokens there is room for.
    """
    hidden = model.decode(token_ids, cache, padding_mask)
    log_likelihoods = tf.nn.log_softmax(model.logits(hidden[:, -1]))
    num_rows = tf.shape(token_ids)[0]
    nothing = tf.fill([num_rows, num_beams, num_columns], end_of_text)
    is_open = options.max_new_tokens > 0
    one_text = tf.one_hot(tf.zeros([num_rows], tf.int32), num_beams, 0.0, LOWEST)
    beams = Beams(
        step=tf.constant(0),
        last=tf.repeat(token_ids[:, -1], num_beams),
        new_tokens=nothing,
        likelihoods=one_text,
        done_tokens=nothing,
        done_scores=tf.fill([num_rows, num_beams], LOWEST) * tf.cast(is_open, tf.float32)[:, None],
        is_done=tf.zeros([num_rows, num_beams], tf.bool),
        is_open=is_open,
        index=cache.index,
        keys=tuple(tf.repeat(x, num_beams, axis=0) for x in cache.keys),
        values=tuple(tf.repeat(x, num_beams, axis=0) for x in cache.values),
    )
    return choose(beams, tf.repeat(log_likelihoods, num_beams, axis=0), options, end_of_text)


def decode(model, beams, padding_mask, options, memory, end_of_text, halve_kernels=False):
    """Searches until no row is open. The arguments are as for `loop.decode`."""
    num_beams = beams.new_tokens.shape[1]
    repeated = [tf.repeat(x, num_beams, axis=0) for x in tf.nest.flatten((padding_mask, memory))]
    padding_mask, memory = tf.nest.pack_sequence_as((padding_mask, memory), repeated)

    def step(beams, output_kernel):
        cache = KeyValueCache(beams.keys, beams.values, beams.index, *memory)
        hidden = model.decode(beams.last[:, None], cache, padding_mask)
        log_likelihoods = tf.nn.log_softmax(model.logits(hidden[:, -1], output_kernel))
        read = beams._replace(index=cache.index, keys=tuple(cache.keys), values=tuple(cache.values))
        return choose(read, log_likelihoods, options, end_of_text)

    return loop.repeat(model, _unfinished, step, beams, halve_kernels)


def choose(beams, log_likelihoods, options, end_of_text):
    """Takes the next tokens, given their log likelihoods, float32 (b k, v)."""
    num_beams, num_tokens = beams.new_tokens.shape[1], tf.shape(log_likelihoods)[1]
    num_ways = (1 + num_ends(end_of_text)) * num_beams  # So many that k go on in any case.
    step = beams.step + 1
    sums = beams.likelihoods[:, :, None] + tf.reshape(log_likelihoods, [-1, num_beams, num_tokens])
    likelihoods, places = tf.math.top_k(tf.reshape(sums, [-1, num_beams * num_tokens]), num_ways)
    parents, drawn = places // num_tokens, as_one(places % num_tokens, end_of_text)
    column = tf.range(tf.shape(beams.new_tokens)[2])
    new_tokens = tf.gather(beams.new_tokens, parents, batch_dims=1)
    new_tokens = tf.where(column == beams.step, drawn[:, :, None], new_tokens)

    ends = (drawn == end_of_text) | (step >= options.max_new_tokens)[:, None]
    counts = ends & (tf.range(num_ways) < num_beams) & beams.is_open[:, None]
    scores = penalized(likelihoods, step, options)
    beams = _with_done(beams, new_tokens, tf.where(counts, scores, LOWEST), counts)

    likelihoods, kept = tf.math.top_k(tf.where(ends, LOWEST, likelihoods), num_beams)
    parents, drawn, new_tokens = (
        tf.gather(x, kept, batch_dims=1) for x in (parents, drawn, new_tokens)
    )
    rows = tf.range(tf.shape(parents)[0])[:, None] * num_beams + parents
    rows = tf.reshape(rows, [-1])
    return beams._replace(
        step=step,
        last=tf.reshape(drawn, [-1]),
        new_tokens=new_tokens,
        likelihoods=likelihoods,
        is_open=beams.is_open & _may_improve(beams, likelihoods, step, options),
        keys=tuple(tf.gather(x, rows) for x in beams.keys),
        values=tuple(tf.gather(x, rows) for x in beams.values),
    )


def penalized(likelihoods, length, options):
    """Scores of texts of `length` tokens, float32 (b, any)."""
    return likelihoods / tf.cast(length, tf.float32) ** options.length_penalty[:, None]


def best(beams):
    """The best text of each row, int32 (b, n), and its score, float32 (b,)."""
    return beams.done_tokens[:, 0], beams.done_scores[:, 0]


def _unfinished(beams):
    return tf.reduce_any(beams.is_open)


def _with_done(beams, new_tokens, scores, counts):
    """The best k of those that were done and those that `counts` (b, 2k) of the new ones."""
    num_beams = beams.done_tokens.shape[1]
    scores, kept = tf.math.top_k(tf.concat([beams.done_scores, scores], 1), num_beams)
    tokens = tf.concat([beams.done_tokens, new_tokens], 1)
    is_done = tf.concat([beams.is_done, counts], 1)
    return beams._replace(
        done_tokens=tf.gather(tokens, kept, batch_dims=1),
        done_scores=scores,
        is_done=tf.gather(is_done, kept, batch_dims=1),
    )


def _may_improve(beams, likelihoods, step, options):
    """bool (b,): whether a text under way may still come before one that is done."""
    all_done = tf.reduce_all(beams.is_done, 1)
    hopes = penalized(likelihoods, step, options)[:, 0] > beams.done_scores[:, -1]
    ends = step >= options.max_new_tokens
    return ~ends & ~(all_done & options.early_stopping) & (~all_done | hopes)
