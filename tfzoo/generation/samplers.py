"""How a token is drawn from logits: temperature, top-k (Fan et al., 2018, arXiv:1805.04833), top-p
(Holtzman et al., 2020, arXiv:1904.09751) and min-p (Nguyen et al., 2024, arXiv:2407.01082, equation
2), each with a value of its own for every row.

Nothing here sorts the vocabulary: what a limit keeps is found by bisection over the bits of the
logits, which costs the same in a plain graph and under XLA. Shape letters: b batch, v vocabulary.
"""

import tensorflow as tf

from tfzoo.generation.randomness import uniform

LOWEST_TEMPERATURE = 1e-6
HIGHEST_TEMPERATURE = 1e6
INFINITY_BITS = 0x7F800000  # of float32: the largest key that a gap between logits can have


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
    least_weight = tf.minimum(min_p, 1.0)  # The likeliest has the weight 1.

    def draw():
        weights, keys = _weights(logits, temperature)
        weights = _keep_top_k(weights, keys, top_k)
        weights = _keep_top_p(weights, keys, top_p)
        weights = tf.where(weights < least_weight[..., None], 0.0, weights)
        return tf.where(is_random, _pick(weights, uniform(seed, step)), likeliest)

    return tf.cond(tf.reduce_any(is_random), draw, lambda: likeliest)


def _weights(logits, temperature):
    """Unnormalized probabilities (b, v), 1 at the likeliest, and int32 keys that grow as they fall.

    The bits of a float that is not negative, read as an integer, are in the order of the floats.
    """
    temperature = tf.where(temperature > 0.0, temperature, 1.0)
    temperature = tf.clip_by_value(temperature, LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
    gaps = tf.reduce_max(logits, -1, keepdims=True) - logits
    return tf.exp(-gaps / temperature[:, None]), tf.bitcast(gaps, tf.int32)


def _keep_top_k(weights, keys, top_k):
    limited = (top_k > 0) & (top_k < tf.shape(weights)[-1])

    def keep():
        goal = tf.where(limited, tf.cast(top_k, tf.float32), float("inf"))
        return _keep(weights, keys, tf.ones_like(weights), goal)

    return tf.cond(tf.reduce_any(limited), keep, lambda: weights)


def _keep_top_p(weights, keys, top_p):
    limited = top_p < 1.0

    def keep():
        goal = tf.where(limited, top_p * tf.reduce_sum(weights, -1), float("inf"))
        return _keep(weights, keys, weights, goal)

    return tf.cond(tf.reduce_any(limited), keep, lambda: weights)


def _keep(weights, keys, amounts, goal):
    """Keeps the tokens of the smallest keys whose `amounts` reach `goal` (b,); all, if none do."""

    def halve(low, high):
        middle = low + (high - low) // 2
        held = tf.reduce_sum(tf.where(keys <= middle[:, None], amounts, 0.0), -1)
        enough = held >= goal
        return tf.where(enough, low, middle + 1), tf.where(enough, middle, high)

    low = tf.zeros_like(goal, tf.int32)
    bounds = (low, low + INFINITY_BITS)
    _, bound = tf.while_loop(lambda *_: True, halve, bounds, maximum_iterations=31)
    return tf.where(keys <= bound[:, None], weights, 0.0)


def _pick(weights, uniforms):
    """The first token at which the running sum of its row passes `uniforms` (b,) of the whole."""
    sums = tf.where(weights > 0.0, tf.cumsum(weights, -1), 0.0)
    passed = sums > uniforms[:, None] * tf.reduce_max(sums, -1, keepdims=True)
    return tf.argmax(tf.cast(passed, tf.int32), -1, output_type=tf.int32)
