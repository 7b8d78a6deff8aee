"""AdamW against a reference of its own in float64, compiled and plain."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels.adamw import AdamWOptions
from tfzoo.training.distribution import Distribution
from tfzoo.training.optimizer import AdamW, LossScale

SHAPES = {"matrix": (3, 4), "vector": (5,), "scalar": ()}
RATES = [0.1, 0.03, 0.2, 0.01]
RANDOM = np.random.default_rng(0)
WEIGHTS = [RANDOM.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]
GRADIENTS = [
    [8.0 * RANDOM.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]
    for _ in RATES
]
DEVICE = Distribution(strategy=tf.distribute.get_strategy())


def new_optimizer(options=None, **arguments):
    variables = [
        keras.Variable(weight, name=name) for name, weight in zip(SHAPES, WEIGHTS, strict=True)
    ]
    return AdamW(DEVICE, variables, options, **arguments)


def make_updates(optimizer, compiled, gradients=GRADIENTS, loss=1.0):
    """Applies sums over 4 targets; returns the norms."""

    @tf.function
    def apply(gradients, rate):
        with kernels.compiled(compiled):
            return optimizer.apply(
                0,
                gradients,
                gradient_scale=tf.constant(0.25),
                learning_rate=rate,
                loss=tf.constant(loss),
            )

    return [
        float(apply([tf.constant(x) for x in g], tf.constant(rate))[0])
        for g, rate in zip(gradients, RATES, strict=False)
    ]


def reference(options, clip_norm):
    """Loshchilov & Hutter (2019), algorithm 2, with clipping and the average: weights, averages."""
    weights = [w.astype(np.float64) for w in WEIGHTS]
    averages = [w.copy() for w in weights]
    first, second = [0.0] * 3, [0.0] * 3
    for t, (gradients, rate) in enumerate(zip(GRADIENTS, RATES, strict=True), start=1):
        gradients = [g.astype(np.float64) / 4 for g in gradients]
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
        keep = min(options.ema_decay, (1 + t) / (10 + t))
        for i, g in enumerate(gradients):
            g = g * min(1, clip_norm / norm) if clip_norm else g
            first[i] = options.first_decay * first[i] + (1 - options.first_decay) * g
            second[i] = options.second_decay * second[i] + (1 - options.second_decay) * g * g
            m = first[i] / (1 - options.first_decay**t)
            v = second[i] / (1 - options.second_decay**t)
            decay = options.weight_decay if weights[i].ndim >= 2 else 0.0
            move = m / (np.sqrt(v) + options.epsilon)
            if options.multiply_by_parameter_scale:
                move = move * max(1e-3, np.sqrt(np.mean(weights[i] ** 2)))
            weights[i] = weights[i] - rate * (move + decay * weights[i])
            averages[i] = keep * averages[i] + (1 - keep) * weights[i]
    return weights, averages


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("scale", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("clip_norm", [0.0, 1.5])
def test_updates_are_those_of_the_paper(compiled, clip_norm, scale):
    options = AdamWOptions(ema_decay=0.3, weight_decay=0.7, multiply_by_parameter_scale=scale)
    optimizer = new_optimizer(options, clip_norm=clip_norm)
    norms = make_updates(optimizer, compiled)
    weights, averages = reference(options, clip_norm)
    for found, expected in zip(
        [*optimizer.weights, *optimizer.averages], [*weights, *averages], strict=True
    ):
        np.testing.assert_allclose(found.numpy(), expected, rtol=2e-5, atol=1e-6)
    expected = [np.sqrt(sum(np.sum(g**2) for g in gradients)) / 4 for gradients in GRADIENTS]
    np.testing.assert_allclose(norms, expected, rtol=1e-6)
    assert min(norms) > 1.5


def test_a_relative_update_moves_a_variable_by_a_share_of_its_size():
    """The first move is the rate times the root mean square, 1e-3 at least, whatever the size."""
    options = AdamWOptions(weight_decay=0.0, multiply_by_parameter_scale=True)
    optimizer = new_optimizer(options)
    for weight, value in zip(optimizer.weights, (100.0, 0.01, 0.0), strict=True):
        weight.assign(tf.fill(weight.shape, value))
    make_updates(optimizer, False, GRADIENTS[:1])
    for weight, value, moved in zip(
        optimizer.weights, (100.0, 0.01, 0.0), (100.0, 0.01, 1e-3), strict=True
    ):
        np.testing.assert_allclose(np.abs(weight.numpy() - value), RATES[0] * moved, rtol=1e-3)


def test_only_matrices_decay():
    optimizer = new_optimizer(AdamWOptions(weight_decay=0.5))
    zeros = [[np.zeros_like(w) for w in WEIGHTS]] * len(RATES)
    make_updates(optimizer, False, zeros)
    matrix, vector, scalar = (w.numpy() for w in optimizer.weights)
    np.testing.assert_allclose(
        matrix, WEIGHTS[0] * np.prod([1 - 0.5 * r for r in RATES]), rtol=1e-5
    )
    np.testing.assert_array_equal(vector, WEIGHTS[1])
    np.testing.assert_array_equal(scalar, WEIGHTS[2])


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("bad", ["gradient", "loss"])
def test_what_is_not_finite_changes_nothing(compiled, bad):
    optimizer = new_optimizer(AdamWOptions(ema_decay=0.9))
    make_updates(optimizer, compiled)
    before = {name: v.numpy() for name, v in optimizer.named_variables().items()}
    weights = [w.numpy() for w in optimizer.weights]
    gradients = [[g.copy() for g in step] for step in GRADIENTS]
    if bad == "gradient":
        for step in gradients:
            step[1][2] = np.inf
    make_updates(optimizer, compiled, gradients, loss=np.nan if bad == "loss" else 1.0)
    for name, variable in optimizer.named_variables().items():
        np.testing.assert_array_equal(variable.numpy(), before[name])
    for weight, expected in zip(optimizer.weights, weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected)


def test_norm_of_very_many_numbers_is_exact():
    gradient = np.full(30_000_000, 1e-3, np.float32)  # Beyond 2^24 a running sum would stand still.
    norm = kernels.adamw.global_norm([tf.constant(gradient)])
    assert float(norm) == pytest.approx(1e-3 * np.sqrt(gradient.size), rel=1e-5)


def test_names_are_those_of_the_checkpoint():
    optimizer = new_optimizer(AdamWOptions(ema_decay=0.9))
    groups = ("optimizer/first_moment", "optimizer/second_moment", "ema")
    expected = {f"{group}/{name}" for group in groups for name in SHAPES}
    assert set(optimizer.named_variables()) == {*expected, "optimizer/num_updates"}


def test_averaged_weights_are_lent():
    optimizer = new_optimizer(AdamWOptions(ema_decay=0.5))
    make_updates(optimizer, False)
    raw, average = (x[0].numpy() for x in (optimizer.weights, optimizer.averages))
    with optimizer.averaged():
        np.testing.assert_array_equal(optimizer.weights[0].numpy(), average)
    np.testing.assert_array_equal(optimizer.weights[0].numpy(), raw)
    assert not np.allclose(raw, average)


def test_loss_scale_doubles_after_2000_good_steps_in_a_row_and_halves_at_once(monkeypatch):
    assert (LossScale.first, LossScale.updates_to_double) == (2.0**15, 2000)
    monkeypatch.setattr(LossScale, "updates_to_double", 3)
    scale = LossScale(DEVICE)
    good = [True, True, False, True, True, True, True, True, True, False, False]
    values = [float(scale.update(0, tf.constant(applied))) / 2.0**15 for applied in good]
    assert values == [1, 1, 0.5, 0.5, 0.5, 1, 1, 1, 2, 1, 0.5]
