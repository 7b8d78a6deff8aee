"""Learning rates as a function of the step: a linear warmup, then a fall of the chosen form.

Each schedule gives a share of the way from the lowest rate to the peak, 1 at the end of the warmup.
Steps count from 1.
"""

import math

import tensorflow as tf


def cosine(step, warmup_steps, train_steps):
    """Half a cosine, to reach 0 one step after the last (Loshchilov & Hutter, 2017, eq. 5)."""
    return 0.5 * (1.0 + tf.cos(math.pi * _progress(step, warmup_steps, train_steps)))


def linear(step, warmup_steps, train_steps):
    """A straight line, to reach 0 one step after the last."""
    return 1.0 - _progress(step, warmup_steps, train_steps)


def inverse_sqrt(step, warmup_steps, train_steps):
    """`sqrt(warmup_steps / step)` (Vaswani et al., 2017, equation 3)."""
    del train_steps
    warmup = tf.cast(max(warmup_steps, 1), tf.float32)
    return tf.math.rsqrt(tf.maximum(step, warmup) / warmup)


def constant(step, warmup_steps, train_steps):
    """The peak."""
    del warmup_steps, train_steps
    return tf.ones_like(step)


FALLING_TO_AN_END = ("cosine", "linear")  # The others have no lowest rate.
SCHEDULES = {
    "cosine": cosine,
    "linear": linear,
    "inverse_sqrt": inverse_sqrt,
    "constant": constant,
}


def learning_rate(config, step):
    """The learning rate of a step.

    Args:
        config: TrainConfig; its learning_rate, min_learning_rate, schedule, warmup_steps and
            train_steps count.
        step: int scalar or tensor, from 1.

    Returns:
        float32 scalar tensor.
    """
    step = tf.cast(step, tf.float32)
    share = SCHEDULES[config.schedule](step, config.warmup_steps, config.train_steps)
    lowest = config.min_learning_rate
    span = config.learning_rate - lowest
    if config.warmup_steps:
        risen = tf.minimum(step / config.warmup_steps, 1.0)
        share, lowest = share * risen, lowest * risen
    return lowest + span * share


def _progress(step, warmup_steps, train_steps):
    """0 up to the end of the warmup, then evenly up to 1 one step after the last."""
    length = max(train_steps + 1 - warmup_steps, 1)
    return tf.clip_by_value((step - warmup_steps) / length, 0.0, 1.0)
