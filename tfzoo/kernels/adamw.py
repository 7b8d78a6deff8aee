"""AdamW (Loshchilov & Hutter, 2019, arXiv:1711.05101, algorithm 2) as two programs."""

import typing

import tensorflow as tf

from tfzoo.kernels.cluster import is_compiled, program
from tfzoo.kernels.elementwise import wide

_SMALLEST_SCALE = 1e-3  # So that what starts from zeros moves.


class AdamWState(typing.NamedTuple):
    """The variables that one update changes: lists in one order, on one device.

    Attributes:
        weights: list of float32 variables.
        first_moments, second_moments: lists of float32 variables, shaped like `weights`.
        averages: list of float32 variables, shaped like `weights`; empty: no average is kept.
        num_updates: int64 scalar variable, the updates made so far.
    """

    weights: list
    first_moments: list
    second_moments: list
    averages: list
    num_updates: tf.Variable


class AdamWOptions(typing.NamedTuple):
    """The numbers of AdamW that stay the same for a whole run.

    Attributes:
        rate_scales: tuple of a float for each weight, by which its learning rate is multiplied;
            empty: all have the same rate.
    """

    first_decay: float = 0.9
    second_decay: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    ema_decay: float = 0.0
    multiply_by_parameter_scale: bool = False
    rate_scales: tuple = ()


def global_norm(gradients):
    """`sqrt(sum of all squares)` of a list of float tensors; float32 scalar."""
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(wide(gradient)) for gradient in gradients]))


def adamw(gradients, state, *, gradient_scale, learning_rate, apply, options):
    """Makes one update of AdamW, or none at all.

    With t the number of this update, `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2` and
    `w -= learning_rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + weight_decay w)`. Only
    matrices decay: variables of rank 2 and more. The average of the weights is exponential, of
    decay `min(ema_decay, (1 + t) / (10 + t))`, so that it forgets the first weights early.

    With `multiply_by_parameter_scale`, the quotient of the moments is multiplied by the root mean
    square of `w` before the update, or by 1e-3 if that is more (Shazeer & Stern, 2018,
    arXiv:1804.04235, section 8): the learning rate is then relative to the size of each variable.

    Args:
        gradients: list of float tensors, shaped like `state.weights`; the arithmetic is float32.
        state: AdamWState.
        gradient_scale: float32 scalar, a factor of every gradient.
        learning_rate: float32 scalar.
        apply: bool scalar; if False, every variable keeps its bits.
        options: AdamWOptions.
    """
    update = _compiled_update if is_compiled() else _update
    numbers = (gradient_scale, learning_rate, tf.cast(state.num_updates + 1, tf.float32))
    lists = (gradients, *state[:-1])

    def make():
        for part in _even_groups(state.weights):
            own = [[x[i] for i in part] if x else [] for x in (*lists, options.rate_scales)]
            update(*own[:-1], *numbers, options=options._replace(rate_scales=tuple(own[-1])))
        state.num_updates.assign_add(1)
        return True

    tf.cond(apply, make, lambda: False)  # A choice inside the program takes three times as long.


def _even_groups(weights):
    """Numbers of the weights in two groups of about the same size: two programs side by side."""
    halves, sizes = ([], []), [0, 0]
    for i in sorted(range(len(weights)), key=lambda i: -weights[i].shape.num_elements()):
        smaller = sizes.index(min(sizes))
        halves[smaller].append(i)
        sizes[smaller] += weights[i].shape.num_elements()
    return [half for half in halves if half]


def _update(gradients, weights, first, second, averages, scale, rate, t, *, options):
    first_correction = 1.0 - tf.pow(options.first_decay, t)
    second_correction = 1.0 - tf.pow(options.second_decay, t)
    keep = tf.minimum(options.ema_decay, (1.0 + t) / (10.0 + t))
    for i, (w, gradient) in enumerate(zip(weights, gradients, strict=True)):
        g = wide(gradient) * scale
        m = options.first_decay * first[i] + (1.0 - options.first_decay) * g
        v = options.second_decay * second[i] + (1.0 - options.second_decay) * g * g
        move = m / first_correction / (tf.sqrt(v / second_correction) + options.epsilon)
        if options.multiply_by_parameter_scale:
            move *= tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(w))), _SMALLEST_SCALE)
        if options.weight_decay and w.shape.rank >= 2:
            move += options.weight_decay * w
        moved = w - (rate * options.rate_scales[i] if options.rate_scales else rate) * move
        first[i].assign(m)
        second[i].assign(v)
        w.assign(moved)
        if averages:
            averages[i].assign(keep * averages[i] + (1.0 - keep) * moved)


_compiled_update = program(_update)
