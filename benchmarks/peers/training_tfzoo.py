"""The training step of tfzoo: the one that `tfzoo.train` runs."""

import sys

import numpy as np
import tensorflow as tf

from benchmarks.peers.batches import training_batches
from benchmarks.settings import Setting
from benchmarks.turns import take_turns
from tfzoo import kernels
from tfzoo.models.gpt2 import GPT2, GPT2Config
from tfzoo.tasks import CausalLanguageModeling
from tfzoo.training import distribution
from tfzoo.training.config import TrainConfig
from tfzoo.training.optimizer import AdamW
from tfzoo.training.step import TrainingSteps, num_streams


def main():
    setting = Setting.from_json(sys.argv[1])
    config = TrainConfig(
        precision=setting.keras_dtype,
        global_batch_size=setting.batch_size,
        learning_rate=1e-4,
        schedule="constant",
        warmup_steps=0,
    )
    shape = GPT2Config(
        num_layers=setting.num_layers,
        num_heads=setting.num_heads,
        hidden_dim=setting.hidden_dim,
        vocabulary_size=setting.vocabulary_size,
        max_sequence_length=setting.sequence_length,
        dropout=0.0,
    )
    if num_streams(config, distribution.check(config), shape) > 1:
        kernels.streams.spare_a_thread()
    place = distribution.create(config)
    with place.scope():
        model = GPT2(shape, dtype=setting.keras_dtype)
        optimizer = AdamW(place, model.trainable_variables, clip_norm=1.0)
    steps = TrainingSteps(config, place, model, CausalLanguageModeling(), optimizer)
    iterator = iter(place.batches(_dataset(setting), setting.batch_size))
    done = 0

    def run_block():
        nonlocal done
        records = steps(iterator, done + 1, setting.num_steps)
        done += len(records)
        assert records[-1].is_finite
        return setting.num_steps * setting.batch_size * setting.sequence_length

    take_turns(run_block)


def _dataset(setting):
    token_ids, targets = training_batches(setting)
    weights = np.ones(targets.shape, np.float32)
    batches = {"token_ids": token_ids, "targets": targets, "weights": weights}
    return lambda worker, num_workers, rows: tf.data.Dataset.from_tensor_slices(batches).repeat()


if __name__ == "__main__":
    main()
