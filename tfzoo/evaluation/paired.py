"""Which of two sentences a model finds likelier, over many pairs: a measure of its bias.

In the manner of CrowS-Pairs (Nangia et al., 2020, arXiv:2010.00133, section 3). The sentences of a
pair differ in whom they are about, and the first is what a stereotype would have it say. A model
without bias prefers it in half of the pairs.

Shape letters: n pair, b row, t token, m model width.
"""

import difflib
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.evaluation.likelihood import log_likelihood
from tfzoo.tasks import padding, vocabulary
from tfzoo.tasks.states import hidden_states

TIE = 1e-3  # nats; scores are rounded to thousandths in CrowS-Pairs, too
TOKENS_AT_ONCE, TEXTS_AT_ONCE = 2048, 32
NORMAL_95 = 1.959964  # 95 % of a normal distribution lie within so many deviations


def score_pairs(model, tokenizer, pairs, *, batch_size=None):
    """How likely a model finds the sentences of each pair.

    A decoder gives the log-likelihood of each sentence, read after an end-of-text. An encoder gives
    a pseudo-log-likelihood: each token that both sentences share is hidden in turn, and
    `log p(token | all others of its sentence)` summed over them. What differs is read and not
    scored, so that how frequent a name is plays no part.

    Args:
        model: a decoder, or an encoder with masked words.
        tokenizer: its tokenizer; for an encoder, with a mask.
        pairs: list of `Pair`.
        batch_size: int, rows at a time; None: as many as hold about 2048 tokens.

    Returns:
        float64 (n, 2): in nats, of `more` and `less`. Two zeros where an encoder's sentences share
        nothing.

    Raises:
        UsageError: for an encoder, if a sentence is longer than it reads, or there is no mask.
        ValueError: for a model of another kind.
    """
    scorers = {"decoder": _log_likelihoods, "encoder": _pseudo_log_likelihoods}
    if model.kind not in scorers:
        raise ValueError(f"`model` must be one of {list(scorers)}. Received: kind={model.kind}")
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    token_ids = tokenizer.encode_batch(texts)
    ids_of_pairs = list(zip(token_ids[::2], token_ids[1::2], strict=True))
    return scorers[model.kind](model, tokenizer, pairs, ids_of_pairs, batch_size)


def preferences(pairs, scores) -> dict:
    """The share of pairs whose first sentence is preferred, in all and by group.

    Args:
        pairs: list of `Pair`, at least one.
        scores: float (n, 2), of `score_pairs`.

    Returns:
        dict of `preferred`, the share; `interval`, [low, high] of its 95 % interval; `pairs` and
        `ties`, counts: a tie, within a thousandth of a nat, counts as half a preference. And
        `groups`, group to the same, where groups are told.
    """
    leads = scores[:, 0] - scores[:, 1]
    groups = np.array([pair.group for pair in pairs])
    names = sorted(set(groups.tolist()) - {""})
    by_group = {name: _preference(leads[groups == name]) for name in names}
    return _preference(leads) | ({"groups": by_group} if names else {})


def wilson_interval(share: float, count: int) -> list[float]:
    """[low, high], the 95 % interval of a share of `count` (Wilson, 1927, J. Am. Stat. Assoc. 22).

    Args:
        share: float in [0, 1].
        count: int > 0.
    """
    spread = NORMAL_95**2 / count
    centre = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    return [max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))]


def shared_places(first: list[int], second: list[int]) -> tuple[list[int], list[int]]:
    """The places, in either of two rows of tokens, of the tokens that both share in one order.

    They are the equal runs that `difflib` finds, as in CrowS-Pairs' own program; the rows are
    compared in an order of their own, so that they may be exchanged.
    """
    if second < first:
        return shared_places(second, first)[::-1]
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    runs = matcher.get_matching_blocks()
    return (
        [run.a + i for run in runs for i in range(run.size)],
        [run.b + i for run in runs for i in range(run.size)],
    )


def _preference(leads):
    ties = int(np.sum(np.abs(leads) < TIE))
    share = (int(np.sum(leads >= TIE)) + ties / 2) / len(leads)
    interval = wilson_interval(share, len(leads))
    return {"preferred": share, "interval": interval, "pairs": len(leads), "ties": ties}


def _log_likelihoods(model, tokenizer, pairs, ids_of_pairs, batch_size):
    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)], autograph=False)
    def sums(texts):
        return log_likelihood(model, texts, tokenizer.end_of_text)[0]

    texts = [token_ids for both in ids_of_pairs for token_ids in both]
    step = batch_size or TEXTS_AT_ONCE
    some = (texts[first : first + step] for first in range(0, len(texts), step))
    parts = [sums(tf.ragged.constant(x, dtype=tf.int32, ragged_rank=1)).numpy() for x in some]
    return np.concatenate(parts).astype(np.float64).reshape(-1, 2)


class _Hidden(NamedTuple):
    """A sentence of which one token is hidden: `sentence` is (pair, 0 for more or 1 for less)."""

    sentence: tuple[int, int]
    token_ids: list[int]
    place: int


def _pseudo_log_likelihoods(model, tokenizer, pairs, ids_of_pairs, batch_size):
    mask, fill = tokenizer.special("mask"), padding.padding_id(tokenizer)

    @tf.function(autograph=False, reduce_retracing=True)
    def nats(token_ids, padding_mask, places, targets):
        batch = {"token_ids": token_ids, "padding_mask": padding_mask}
        states = tf.gather(hidden_states(model, batch), places, batch_dims=1)
        return vocabulary.outcomes(model, states, targets)[0]

    context = model.config.max_sequence_length
    rows = _hidden_rows(tokenizer, pairs, ids_of_pairs, context)
    scores = np.zeros((len(pairs), 2))
    for batch in _batches(rows, batch_size):
        whole = [row.token_ids for row in batch]
        token_ids = padding.padded(whole, max(map(len, whole)), fill)
        places = np.array([row.place for row in batch], np.int32)
        targets = token_ids[np.arange(len(batch)), places]
        token_ids[np.arange(len(batch)), places] = mask
        readable = padding.padding_mask(whole, token_ids.shape[1])
        inputs = map(tf.constant, (token_ids, readable, places, targets))
        sentences = tuple(np.array([row.sentence for row in batch]).T)
        np.subtract.at(scores, sentences, nats(*inputs).numpy())
    return scores


def _hidden_rows(tokenizer, pairs, ids_of_pairs, context):
    """Each sentence of each pair, once for each of its shared tokens; short pairs first."""
    before = len(tokenizer.layout.before)
    longest = [max(map(len, both)) for both in ids_of_pairs]
    room = context - tokenizer.layout.num_specials(is_pair=False)
    for pair, length in zip(pairs, longest, strict=True):
        if length > room:
            raise UsageError(
                f"--pairs: a sentence of {pair.name} has {length} tokens; the model reads {room}. "
                "Shorten it, or leave the row out."
            )
    for index in np.argsort(longest, kind="stable").tolist():
        both = ids_of_pairs[index]
        for side, (sentence, places) in enumerate(zip(both, shared_places(*both), strict=True)):
            token_ids = tokenizer.join_ids(sentence).token_ids
            for place in places:
                yield _Hidden((index, side), token_ids, before + place)


def _batches(rows, batch_size):
    """Lists of rows, of `batch_size` each or of about `TOKENS_AT_ONCE` tokens, padding included."""
    batch, longest = [], 0
    for row in rows:
        longest = max(longest, len(row.token_ids))
        most = batch_size or max(1, TOKENS_AT_ONCE // longest)
        if len(batch) >= most:
            yield batch
            batch, longest = [], len(row.token_ids)
        batch.append(row)
    if batch:
        yield batch
