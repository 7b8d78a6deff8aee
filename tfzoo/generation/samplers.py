"""How a token is drawn from logits: temperature, top-k (Fan et al., 2018, arXiv:1805.04833), top-p
(Holtzman et al., 2020, arXiv:1904.09751) and min-p (Nguyen et al., 2024, arXiv:2407.01082, equation
2), each with a value of its own for every row.

Nothing here sorts the vocabulary. A token's gap is how far its logit, over the temperature, lies
below the row's highest; each limit is a bound on the gaps, and is found by bisection.
Shape letters: b batch, v vocabulary.
"""

import tensorflow as tf

from tfzoo.generation.randomness import uniform
from tfzoo.kernels.cluster import is_whole

LOWEST_TEMPERATURE = 1e-6
HIGHEST_TEMPERATURE = 1e6
LOWEST_SHARE = 1e-9  # Of the probability: less than the likeliest token of any vocabulary has.
_MOST = 2.0**30  # The likeliest token's part in a draw, which is of whole numbers.
_WIDEST = 21.0  # A gap from which on a token's part is less than one: 2^30 e^-21 = 0.8.
_MOST_HALVINGS = 48  # What these leave between two bounds, 22 / 2^48, counts as level.
_NUM_STRIPS = 16  # Of a row under XLA.
_BLOCK = 256  # Tokens; of whole strips.


def sample(logits, temperature, top_k, top_p, seed, step, min_p=0.0):
    """Draws one token a row. Row i depends on its own logits, parameters, seed and `step` only.

    The limits apply in this order: temperature, top-k, top-p of what top-k left, min-p. A value
    that makes no sense switches its own limit off, so that a bad row cannot harm the others.

    Args:
        logits: float32 (b, v).
        temperature: float32 (b,). 0, and what is negative or NaN, takes the likeliest token.
        top_k: int32 (b,). Draw from the k likeliest tokens (and those level with the last of
            them); no limit if <= 0.
        top_p: float32 (b,). Draw from the fewest likeliest tokens that hold this share of the
            probability; no limit if >= 1 or NaN, only the likeliest if <= 0.
        seed: int64 (b,).
        step: int32 () or (b,). Number of the draw: 0, 1, 2, ...
        min_p: float32 () or (b,). Draw from the tokens that are at least this many times as likely
            as the likeliest; no limit if <= 0 or NaN, only the likeliest if >= 1.

    Returns:
        int32 (b,).
    """
    likeliest = tf.argmax(logits, -1, output_type=tf.int32)
    is_random = (temperature > 0.0) & (top_k != 1)

    def draw():
        gaps = _gaps(logits, temperature)
        bound = _top_k_bound(gaps, top_k)
        bound = _top_p_bound(gaps, top_p, bound)
        bound = tf.minimum(bound, _min_p_bound(min_p))
        drawn = tf.minimum(_pick(gaps, bound, uniform(seed, step)), logits.shape[-1] - 1)
        return tf.where(is_random, drawn, likeliest)

    return tf.cond(tf.reduce_any(is_random), draw, lambda: likeliest)


def _gaps(logits, temperature):
    temperature = tf.where(temperature > 0.0, temperature, 1.0)
    temperature = tf.clip_by_value(temperature, LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
    gaps = (tf.reduce_max(logits, -1, keepdims=True) - logits) / temperature[:, None]
    padding = [[0, 0], [0, -logits.shape[-1] % _BLOCK]]
    return tf.pad(gaps, padding, constant_values=float("inf"))


def _weight(gap):
    return tf.exp(-gap)


def _top_k_bound(gaps, top_k):
    widest = tf.fill(tf.shape(top_k), _WIDEST)
    limited = (top_k > 0) & (top_k < tf.shape(gaps)[-1])

    def find():
        goal = tf.where(limited, tf.cast(top_k, tf.float32), float("inf"))
        return _least_bound(_sums(gaps, tf.ones_like), tf.ones_like, goal, widest)

    return tf.cond(tf.reduce_any(limited), find, lambda: widest)


def _top_p_bound(gaps, top_p, widest):
    limited = top_p < 1.0

    def find():
        sums = _sums(gaps, _weight)
        share = tf.maximum(top_p, LOWEST_SHARE)
        goal = tf.where(limited, share * sums(widest), float("inf"))
        return _least_bound(sums, _weight, goal, widest)

    return tf.cond(tf.reduce_any(limited), find, lambda: widest)


def _min_p_bound(min_p):
    return tf.where(min_p > 0.0, -tf.math.log(tf.minimum(min_p, 1.0)), _WIDEST)


def _sums(gaps, weigh):
    """A function of bounds (b,), which gives what the tokens within them weigh, float32 (b,).

    XLA sums along a row one number after the other. So the row is cut into strips, which are
    added to each other.
    """
    strips = tf.split(gaps, _NUM_STRIPS if is_whole() else 1, axis=-1)
    weights = [weigh(strip) for strip in strips]

    def sums(bound):
        within = [
            tf.where(strip <= bound[:, None], weight, 0.0)
            for strip, weight in zip(strips, weights, strict=True)
        ]
        return tf.reduce_sum(tf.add_n(within), -1)

    return sums


def _least_bound(sums, weigh, goal, widest):
    """The least bound (b,) within which tokens weigh `goal` (b,), or `widest` (b,), if none.

    A row is done when there is no more than one token between its bounds: each weighs at least as
    much as one at the upper bound.
    """

    def middle(low, high):
        return low + (high - low) / 2

    def is_open(low, high, sum_low, sum_high):
        several = sum_high - sum_low > 1.5 * weigh(high)
        halves = (low < middle(low, high)) & (middle(low, high) < high)
        return (sum_high >= goal) & several & halves

    def halve(low, high, sum_low, sum_high):
        bound = middle(low, high)
        held = sums(bound)
        still = is_open(low, high, sum_low, sum_high)
        up, down = still & (held < goal), still & (held >= goal)
        return (
            tf.where(up, bound, low),
            tf.where(down, bound, high),
            tf.where(up, held, sum_low),
            tf.where(down, held, sum_high),
        )

    bounds = (tf.fill(tf.shape(goal), -1.0), widest, tf.zeros_like(goal), sums(widest))
    return tf.while_loop(
        lambda *bounds: tf.reduce_any(is_open(*bounds)),
        halve,
        bounds,
        maximum_iterations=_MOST_HALVINGS,
    )[1]


def _pick(gaps, bound, uniforms):
    """The first token at which the running sum of its row passes `uniforms` (b,) of the whole.

    The sums are of whole numbers, so exact: first those of blocks, then those within one.
    """
    parts = tf.where(gaps <= bound[:, None], tf.cast(_weight(gaps) * _MOST, tf.int32), 0)
    blocks = tf.reshape(parts, [-1, gaps.shape[-1] // _BLOCK, _BLOCK])
    sums = tf.cumsum(tf.reduce_sum(tf.cast(blocks, tf.int64), -1), -1)
    drawn = tf.cast(tf.cast(uniforms, tf.float64) * tf.cast(sums[:, -1], tf.float64), tf.int64)
    block = tf.minimum(_num_up_to(sums, drawn), blocks.shape[1] - 1)
    before = tf.gather(tf.pad(sums, [[0, 0], [1, 0]]), block, batch_dims=1)
    within = tf.cumsum(tf.cast(tf.gather(blocks, block, batch_dims=1), tf.int64), -1)
    return block * _BLOCK + _num_up_to(within, drawn - before)


def _num_up_to(sums, limit):
    return tf.reduce_sum(tf.cast(sums <= limit[:, None], tf.int32), -1)
