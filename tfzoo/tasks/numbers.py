"""One number to find: sums over a batch that say how well it was found, and what they say."""

import tensorflow as tf

from tfzoo.tasks import scores


def squared_errors(found, batch):
    """The squared errors of a batch's rows, summed; float32 ().

    Args:
        found: float32 (b,).
        batch: has "labels" and "weights", float32 (b,).
    """
    return tf.reduce_sum(batch["weights"] * (found - batch["labels"]) ** 2)


def measures(found, batch):
    """Sums over a batch, float64; the arguments are those of `squared_errors`."""
    values = (found, batch["labels"], batch["weights"])
    x, y, weights = (tf.cast(value, tf.float64) for value in values)  # Far from 0, xx is huge.
    terms = {
        "loss": (x - y) ** 2,
        "num_targets": tf.ones_like(x),
        "absolute_errors": tf.abs(x - y),
        "x": x,
        "y": y,
        "xx": x * x,
        "yy": y * y,
        "xy": x * y,
    }
    return {name: tf.reduce_sum(weights * term) for name, term in terms.items()}


def results(sums):
    """What `measures` say in all: the mean errors, and Pearson's correlation."""
    num, moments = sums["num_targets"], [sums[name] for name in ("x", "y", "xx", "yy", "xy")]
    return {
        "loss": scores.mean(sums["loss"], num),
        "mean_squared_error": scores.mean(sums["loss"], num),
        "mean_absolute_error": scores.mean(sums["absolute_errors"], num),
        "pearson": scores.pearson(num, *moments),
    }
