"""A real run, small enough for a test: in the test's own process, or as this program in others.

python tiny_run.py FOLDER '{"train_steps": 5}'            the whole Trainer, rows in FOLDER
python tiny_run.py FOLDER '{"train_steps": 5}' --uneven   steps alone, on rows of uneven length
"""

import json
import os
import socket
import sys
from pathlib import Path

DEFAULTS = {
    "global_batch_size": 4,
    "train_steps": 6,
    "warmup_steps": 0,
    "schedule": "constant",
    "learning_rate": 3e-3,
    "log_every_steps": 1,
    "eval_every_steps": 0,
    "checkpoint_every_steps": 0,
    "dropout": 0.0,
    "jit": "false",
}
LENGTH = 16
ROOT = Path(__file__).parents[2]


def tiny_config(folder, **fields):
    from tfzoo.training.config import TrainConfig

    return TrainConfig(model_dir=str(folder), **{**DEFAULTS, **fields})


def tiny_model(config, distribution, vocabulary_size):
    import keras

    from tfzoo import models
    from tfzoo.training import fine_tuning

    keras.utils.set_random_seed(config.seed)
    with distribution.scope():
        model = models.from_preset(
            "gpt2_tiny",
            dtype=config.precision,
            num_layers=1,
            hidden_dim=16,
            vocabulary_size=vocabulary_size,
            max_sequence_length=LENGTH,
            dropout=config.dropout,
        )
        fine_tuning.choose_trained(config, model)
    model.remat = config.remat
    return model


def tiny_trainer(config, distribution=None, validation_bytes=700):
    """A Trainer of a model of bytes, on text that counts; not restored."""
    from tfzoo import data, tasks, tokenizers
    from tfzoo.training.checkpoints import Checkpoints
    from tfzoo.training.distribution import create
    from tfzoo.training.loop import Trainer

    distribution = distribution or create(config)
    tokenizer = tokenizers.TOKENIZERS["bytes"]()
    folder = Path(config.model_dir) / f"text_{os.getpid()}"
    split = data.TokenSplit(
        train=_store(folder / "train", tokenizer, range(2000)),
        validation=_store(folder / "validation", tokenizer, range(5000, 9000), validation_bytes),
        folder=str(folder),
    )
    return Trainer(
        config,
        distribution=distribution,
        model=tiny_model(config, distribution, tokenizer.vocabulary_size),
        task=tasks.TASKS["causal_lm"](tokenizer=tokenizer),
        split=split,
        checkpoints=Checkpoints(Path(config.model_dir) / "checkpoints", config.keep_checkpoints),
    )


def run(config, on_evaluation=None):
    """Restores, trains and evaluates as far as `config` says; rows go to metrics.jsonl."""
    from tfzoo.training.metrics import Metrics

    trainer = tiny_trainer(config)
    first = trainer.restore()
    if not trainer.distribution.is_chief:
        trainer.fit()
        return trainer
    with Metrics(config.model_dir, first) as metrics:
        trainer.fit(metrics, None, on_evaluation)
    return trainer


def rows(folder):
    """Rows of steps and rows of evaluations."""
    from tfzoo.training.metrics import read_rows

    found = read_rows(folder)
    return [r for r in found if "loss" in r], [r for r in found if "loss" not in r]


def losses(folder):
    return [row["loss"] for row in rows(folder)[0]]


def uneven_steps(config, distribution=None):
    """Trains on rows of which most are mostly padding; returns the records.

    The losses of replicas and microbatches then have quite other weights than their rows.
    """
    import numpy as np
    import tensorflow as tf

    from tfzoo import tasks
    from tfzoo.training.distribution import create
    from tfzoo.training.optimizer import AdamW
    from tfzoo.training.step import TrainingSteps

    distribution = distribution or create(config)
    model = tiny_model(config, distribution, 50)
    with distribution.scope():
        optimizer = AdamW(distribution, model.trainable_variables, clip_norm=config.clip_norm)
    steps = TrainingSteps(config, distribution, model, tasks.TASKS["causal_lm"](), optimizer)
    size = (config.train_steps, config.global_batch_size)
    random = np.random.default_rng(0)
    ids = random.integers(0, 50, (*size, LENGTH + 1)).astype(np.int32)
    lengths = np.where(random.random(size) < 0.7, random.integers(1, 3, size), LENGTH)
    weights = (np.arange(LENGTH) < lengths[..., None]).astype(np.float32)

    def make_batches(worker, _, num_rows):
        own = np.s_[:, worker * num_rows : (worker + 1) * num_rows]
        batch = {"token_ids": ids[own][..., :-1], "targets": ids[own][..., 1:]}
        return tf.data.Dataset.from_tensor_slices({**batch, "weights": weights[own]})

    batches = distribution.batches(
        make_batches, config.global_batch_size // distribution.num_replicas
    )
    return steps(iter(batches), 1, config.train_steps)


def numbers(records):
    return [[record.loss, record.gradient_norm] for record in records]


def start(folder, fields, environ=None):
    """Starts this file as a program."""
    from tests.programs import Program

    environment = {**os.environ, **(environ or {})}
    return Program(__file__, [folder, json.dumps(fields)], environment=environment)


def start_workers(folder, fields, count=2):
    """Starts this file as `count` workers of one job."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return [
        start(folder, fields, {"TF_CONFIG": json.dumps(_tf_config(addresses, i))})
        for i in range(count)
    ]


def output_of(process):
    """What a program that must end well has printed."""
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors[-3000:]
    return output


def _tf_config(addresses, index):
    return {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}


def _store(folder, tokenizer, numbers, num_bytes=None):
    from tfzoo.data.token_store import TokenStore, TokenStoreWriter

    text = " ".join(str(n * n) for n in numbers).encode()[:num_bytes]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        writer = TokenStoreWriter(str(folder), tokenizer)
        writer.start_document()
        writer.append(tokenizer.encode_batch([text])[0], len(text))
        writer.finish({})
        writer.close()
    return TokenStore(str(folder))


def main(folder, fields):
    from tfzoo.training.distribution import create

    fields = json.loads(fields)
    if isinstance(fields, dict):
        run(tiny_config(folder, **fields))
        return
    configs = [tiny_config(folder, **each) for each in fields]
    distribution = create(configs[0])
    print(json.dumps([numbers(uneven_steps(config, distribution)) for config in configs]))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(*sys.argv[1:])
