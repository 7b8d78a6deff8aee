"""AdamW over the replicas of a distribution, and the loss scale that float16 needs."""

import contextlib

import tensorflow as tf

from tfzoo.kernels.adamw import AdamWOptions, AdamWState, adamw, global_norm


class AdamW:
    """Clips by the global norm, then updates every weight, or none when a number is not finite.

    It takes gradients that are already summed over all replicas, so that the norm which is clipped
    is that of the whole batch, however many replicas share it.

    Args:
        distribution: Distribution. Make the optimizer under its `scope()`.
        variables: list of Keras variables, float32: the weights.
        options: AdamWOptions.
        clip_norm: float >= 0, the largest norm of the gradient; 0: no clipping.

    Attributes:
        first_moments, second_moments, averages: lists of variables in the order of `variables`;
            `averages` is empty when `options.ema_decay` is 0.
        num_updates: int64 variable.
    """

    def __init__(self, distribution, variables, options=None, *, clip_norm=1.0):
        self.distribution = distribution
        self.options = options or AdamWOptions()
        self.clip_norm = clip_norm
        self._names = [variable.path for variable in variables]
        self.weights = [variable.value for variable in variables]
        self.first_moments = [_zeros_like(w) for w in self.weights]
        self.second_moments = [_zeros_like(w) for w in self.weights]
        self.averages = []
        if self.options.ema_decay:
            self.averages = [tf.Variable(w, trainable=False) for w in self.weights]
        self.num_updates = tf.Variable(0, dtype=tf.int64, trainable=False)

    def apply(self, replica, gradients, *, gradient_scale, learning_rate, loss):
        """Updates the variables of one replica of this process.

        Args:
            replica: int, its number among those of this process.
            gradients: list of float tensors, summed over all replicas.
            gradient_scale: float32 scalar that turns that sum into the gradient.
            learning_rate: float32 scalar.
            loss: float32 scalar. No variable changes unless it and the norm are finite.

        Returns:
            The norm before clipping, float32 scalar, and whether it was applied, bool scalar.
        """
        norm = global_norm(gradients) * gradient_scale
        finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
        if self.clip_norm:
            gradient_scale *= self.clip_norm / tf.maximum(norm, self.clip_norm)
        adamw(
            gradients,
            self._state(replica),
            gradient_scale=gradient_scale,
            learning_rate=learning_rate,
            apply=finite,
            options=self.options,
        )
        return norm, finite

    @contextlib.contextmanager
    def averaged(self):
        """While it lasts, the model has the averaged weights, if an average is kept."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def named_variables(self):
        """What a checkpoint has to hold of the optimizer: names to variables."""
        groups = {
            "optimizer/first_moment": self.first_moments,
            "optimizer/second_moment": self.second_moments,
            "ema": self.averages,
        }
        named = {
            f"{group}/{name}": variable
            for group, variables in groups.items()
            for name, variable in zip(self._names, variables, strict=False)
        }
        return {**named, "optimizer/num_updates": self.num_updates}

    def _state(self, replica):
        def own(variables):
            return [self.distribution.local(variable)[replica] for variable in variables]

        return AdamWState(
            own(self.weights),
            own(self.first_moments),
            own(self.second_moments),
            own(self.averages),
            own([self.num_updates])[0],
        )

    def _exchange(self):
        local = self.distribution.local
        for weight, average in zip(self.weights, self.averages, strict=False):
            for w, a in zip(local(weight), local(average), strict=True):
                before = tf.identity(w)
                w.assign(a)
                a.assign(before)


class LossScale:
    """Keeps float16 gradients in range (Micikevicius et al., 2018, arXiv:1710.03740, section 3.2).

    The scale doubles after 2000 updates in a row, and halves when a gradient is not finite.

    Args:
        distribution: Distribution. Make the scale under its `scope()`.
    """

    first = 2.0**15
    updates_to_double = 2000

    def __init__(self, distribution):
        self.distribution = distribution
        self.value = tf.Variable(self.first, trainable=False)
        self.good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    def update(self, replica, applied):
        """Moves the scale of one replica of this process.

        Args:
            replica: int, its number among those of this process.
            applied: bool scalar, whether the step's update was made.

        Returns:
            The scale of the next step, float32 scalar.
        """
        value = self.distribution.local(self.value)[replica]
        good_steps = self.distribution.local(self.good_steps)[replica]
        doubles = good_steps + 1 >= self.updates_to_double
        grown = tf.where(doubles, 2.0 * value, value)
        count = tf.where(applied & ~doubles, good_steps + 1, tf.zeros_like(good_steps))
        scale = tf.where(applied, grown, 0.5 * value)
        value.assign(scale)
        good_steps.assign(count)
        return scale

    def named_variables(self):
        """What a checkpoint has to hold of the scale: names to variables."""
        return {"optimizer/loss_scale": self.value, "optimizer/good_steps": self.good_steps}


def _zeros_like(weight):
    return tf.Variable(tf.zeros(weight.shape, tf.float32), trainable=False)
