"""Beam search: the likeliest texts that are found when several are kept at each step.

A row has k texts under way. Each step looks at all ways to go on with each of them by one token,
and takes the 2k likeliest together, or (1 + n) k where n ids end a text: of the best k of these,
those that end are done; the best k that do not end are under way next. Done texts compete by their
log likelihood over a power of their length, the end counted (Wu et al., 2016, arXiv:1609.08144,
section 7, in the simpler form of transformers' `generate`, whose choices these are).

Shape letters: b batch, k beam, n new token, s column of the cache, v vocabulary, w way to go on.
"""

from typing import NamedTuple

import tensorflow as tf

from tfzoo.generation import loop, stops
from tfzoo.generation.constraints import constrained, history
from tfzoo.generation.ends import all_ends, is_one_of
from tfzoo.generation.prompts import beginning, bounded, readable_columns
from tfzoo.kernels.shapes import each_row
from tfzoo.layers import KeyValueCache

LOWEST = -1e9  # The score of what is not there.


class BeamSearch(NamedTuple):
    """How to search for each row's tokens.

    Attributes:
        max_new_tokens: int32 (b,). Tokens to write at most, bounded to 0..context - 1.
        length_penalty: float32 (b,), the power of the length; the larger, the longer the texts.
        early_stopping: bool (b,). Whether a row ends as soon as k texts are done; if not, when the
            best text under way, as long as it is, would come behind all of them.
        constraints: `Constraints`, here of log likelihoods; () for none.
    """

    max_new_tokens: tf.Tensor
    length_penalty: tf.Tensor
    early_stopping: tf.Tensor
    constraints: tuple = ()


class Beams(NamedTuple):
    """Where a search stands: a structure of tensors, to be carried through a `tf.while_loop`.

    Attributes:
        step: int32 (), new tokens in each text under way.
        last: int32 (b k,), the last of them, which the model has not read yet.
        tokens: int32 (b, k, s), the texts under way behind their prompts, in the columns of the
            cache, then end-of-text.
        likelihoods: float32 (b, k), their log likelihoods, best first.
        newest_bytes: from `stops.nothing_written`, of (b k) rows.
        done_tokens: int32 (b, k, s), the texts that are done, likewise.
        done_scores: float32 (b, k), their scores, best first.
        is_done: bool (b, k), False where there are not so many yet.
        is_open: bool (b,), rows that still search.
        index: int32 (), columns of the cache that are filled.
        keys, values: tuples, one item a layer, of float (b k, h, s, d).
    """

    step: tf.Tensor
    last: tf.Tensor
    tokens: tf.Tensor
    likelihoods: tf.Tensor
    newest_bytes: tf.Tensor
    done_tokens: tf.Tensor
    done_scores: tf.Tensor
    is_done: tf.Tensor
    is_open: tf.Tensor
    index: tf.Tensor
    keys: tuple
    values: tuple


def search(writer, prompts, options, num_beams):
    """Looks for the likeliest continuations, as one graph of plain TensorFlow operations.

    A row is what it would be alone, as in `loop.generate`.

    Args:
        writer, prompts: as for `loop.generate`.
        options: `BeamSearch`.
        num_beams: int > 0, k.

    Returns:
        int32 (b, k, n), the texts of each row, best first, and end-of-text behind; and float32
        (b, k), their scores.
    """
    context = writer.model.config.max_sequence_length
    options = bounded(options, context)
    first = beginning(prompts, options.max_new_tokens, context, writer.end_of_text, writer.start)
    longest = tf.maximum(tf.reduce_max(options.max_new_tokens), 0)
    width = tf.shape(first.token_ids)[1]
    padding_mask = readable_columns(first.lengths, width, width + longest, context)
    cache = loop.new_cache(writer.model, padding_mask, first.source)
    beams = prefill(writer, cache, first.token_ids, padding_mask, options, num_beams)
    beams = decode(writer, beams, padding_mask, options, loop.memory_of(cache))
    return beams.done_tokens[:, :, width:], beams.done_scores


def prefill(writer, cache, token_ids, padding_mask, options, num_beams) -> Beams:
    """Reads tokens (b, p) into an empty cache of s columns, and takes the best first tokens."""
    hidden = writer.model.decode(token_ids, cache, padding_mask)
    log_likelihoods = tf.nn.log_softmax(writer.model.logits(hidden[:, -1]))
    num_rows, width = tf.unstack(tf.shape(token_ids))
    room = tf.shape(padding_mask)[1] - width
    end = int(writer.end_of_text)
    tokens = tf.pad(token_ids, [[0, 0], [0, room]], constant_values=end)
    tokens = tf.tile(tokens[:, None], [1, num_beams, 1])
    is_open = options.max_new_tokens > 0
    one_text = tf.one_hot(tf.zeros([num_rows], tf.int32), num_beams, 0.0, LOWEST)
    of_rows = (options, log_likelihoods, padding_mask, token_ids[:, -1])
    of_rows += (tuple(cache.keys), tuple(cache.values))
    repeated, log_likelihoods, padding_mask, last, keys, values = each_row(of_rows, num_beams)
    beams = Beams(
        step=tf.constant(0),
        last=last,
        tokens=tokens,
        likelihoods=one_text,
        newest_bytes=stops.nothing_written(repeated.constraints),
        done_tokens=tokens,
        done_scores=tf.fill([num_rows, num_beams], LOWEST) * tf.cast(is_open, tf.float32)[:, None],
        is_done=tf.zeros([num_rows, num_beams], tf.bool),
        is_open=is_open,
        index=cache.index,
        keys=keys,
        values=values,
    )
    return choose(writer, beams, log_likelihoods, padding_mask, options)


def decode(writer, beams, padding_mask, options, memory, weights=None) -> Beams:
    """Searches until no row is open. The arguments are as for `loop.decode`."""
    num_beams = beams.tokens.shape[1]
    padding_mask, memory = each_row((padding_mask, memory), num_beams)

    def step(beams, output_kernel):
        cache = KeyValueCache(beams.keys, beams.values, beams.index, *memory)
        hidden = writer.model.decode(beams.last[:, None], cache, padding_mask)
        log_likelihoods = tf.nn.log_softmax(writer.model.logits(hidden[:, -1], output_kernel))
        read = beams._replace(index=cache.index, keys=tuple(cache.keys), values=tuple(cache.values))
        return choose(writer, read, log_likelihoods, padding_mask, options)

    return loop.repeat(writer.model, _unfinished, step, beams, weights)


def choose(writer, beams, log_likelihoods, padding_mask, options) -> Beams:
    """Takes the next tokens, given their log likelihoods, float32 (b k, v).

    Args:
        padding_mask: bool (b k, s).
        options: `BeamSearch`, of b rows.
    """
    num_rows, num_beams, _ = tf.unstack(tf.shape(beams.tokens))
    num_tokens, step = tf.shape(log_likelihoods)[1], beams.step + 1
    each = each_row(options.constraints, beams.tokens.shape[1])
    past = history(_flat(beams.tokens), padding_mask, beams.index, beams.step)
    log_likelihoods = constrained(log_likelihoods, each, past, writer.end_of_text)
    sums = beams.likelihoods[:, :, None] + tf.reshape(log_likelihoods, [-1, num_beams, num_tokens])
    num_ways = num_beams * tf.minimum(1 + _num_ends(writer, options), num_tokens)
    likelihoods, places = tf.math.top_k(tf.reshape(sums, [-1, num_beams * num_tokens]), num_ways)
    parents = tf.reshape(tf.range(num_rows)[:, None] * num_beams + places // num_tokens, [-1])

    drawn = tf.reshape(places % num_tokens, [-1])
    each, newest_bytes = _taken((each, beams.newest_bytes), parents)
    is_end = is_one_of(drawn, writer.end_of_text) | stops.is_stop_token(drawn, each)
    newest_bytes, is_said = stops.written(newest_bytes, drawn, each, writer.token_bytes)
    drawn = tf.where(is_end, int(writer.end_of_text), drawn)
    column = tf.range(tf.shape(beams.tokens)[2])
    tokens = tf.where(column == beams.index, drawn[:, None], _taken(_flat(beams.tokens), parents))

    ends = tf.reshape(is_end | is_said, [-1, num_ways])
    ends |= (step >= options.max_new_tokens)[:, None]
    counts = ends & (tf.range(num_ways) < num_beams) & beams.is_open[:, None]
    scores = tf.where(counts, penalized(likelihoods, step, options), LOWEST)
    texts = tf.reshape(tokens, [-1, num_ways, tf.shape(tokens)[1]])
    beams = _with_done(beams, texts, scores, counts)

    likelihoods, kept = tf.math.top_k(tf.where(ends, LOWEST, likelihoods), num_beams)
    kept = tf.reshape(tf.range(num_rows)[:, None] * num_ways + kept, [-1])
    return beams._replace(
        step=step,
        last=_taken(drawn, kept),
        tokens=tf.reshape(_taken(tokens, kept), tf.shape(beams.tokens)),
        likelihoods=likelihoods,
        newest_bytes=_taken(newest_bytes, kept),
        is_open=beams.is_open & _may_improve(beams, likelihoods, step, options),
        **_taken({"keys": beams.keys, "values": beams.values}, _taken(parents, kept)),
    )


def _num_ends(writer, options):
    """How many tokens can end a text at most: int, or int32 ()."""
    stop_token_ids = options.constraints.stop_token_ids if options.constraints else [[]]
    return len(all_ends(writer.end_of_text)) + tf.shape(stop_token_ids)[1]


def _taken(structure, rows):
    return tf.nest.map_structure(lambda x: tf.gather(x, rows), structure)


def _flat(texts):
    """Texts (b, k, s) as rows (b k, s)."""
    return tf.reshape(texts, [-1, tf.shape(texts)[2]])


def penalized(likelihoods, length, options):
    """Scores of texts of `length` tokens, float32 (b, any)."""
    return likelihoods / tf.cast(length, tf.float32) ** options.length_penalty[:, None]


def _unfinished(beams):
    return tf.reduce_any(beams.is_open)


def _with_done(beams, new_tokens, scores, counts):
    """The best k of those that were done and those that `counts` (b, w) of the new ones."""
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
