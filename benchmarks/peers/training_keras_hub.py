"""The training step of keras-hub's GPT2CausalLM, in the faster of the two ways to run it."""

import itertools
import sys
import time

import keras
import tensorflow as tf

from benchmarks.peers.batches import training_batches
from benchmarks.peers.keras_hub_model import gpt2_causal_lm
from benchmarks.settings import Setting
from benchmarks.turns import take_turns


def main():
    setting = Setting.from_json(sys.argv[1])
    model = gpt2_causal_lm(setting)
    optimizer = keras.optimizers.AdamW(
        1e-4, weight_decay=0.1, beta_1=0.9, beta_2=0.95, epsilon=1e-8, global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "layer_norm"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=setting.compiled)
    optimizer.build(model.trainable_variables)
    steps = [_step_of_fit(model), _step_of_our_own(model, loss, setting.compiled)]
    step = _faster(steps, setting)
    batches = itertools.cycle(_batches(setting))

    def run_block():
        for _ in range(setting.num_steps):
            result = step(*next(batches))
        assert tf.math.is_finite(result)
        return setting.num_steps * setting.batch_size * setting.sequence_length

    take_turns(run_block)


def _batches(setting):
    """Tensors made beforehand, so that nothing but the step is timed."""
    mask = tf.ones([setting.batch_size, setting.sequence_length], tf.bool)
    return [
        ({"token_ids": tf.constant(token_ids), "padding_mask": mask}, tf.constant(targets))
        for token_ids, targets in zip(*training_batches(setting), strict=True)
    ]


def _step_of_fit(model):
    model.make_train_function()
    return lambda x, y: model.train_function(iter([(x, y)]))["loss"]


def _step_of_our_own(model, loss, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return value

    return step


def _faster(steps, setting):
    batch = _batches(setting)[0]
    return min(steps, key=lambda step: _best_seconds(step, batch))


def _best_seconds(step, batch):
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        step(*batch).numpy()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
