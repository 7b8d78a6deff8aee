"""A published encoder fine-tuned by transformers on torch, beside a run of --task=classification.

    python -m benchmarks.fine_tuning --model_dir=runs/minilm

The run's own train.flags say how: the folder of --init_from, the very rows that it was trained on
and is judged by, steps, rows a step, learning rate, seed, adapters. As in transformers' Trainer
with `group_by_length`, a batch has rows of similar length, padded to the longest. Prints accuracy,
loss, minutes, megabytes.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
import triton  # noqa: F401  Of torch: loaded after TensorFlow, it ends the process.

from benchmarks.sentiment import rows_of
from tfzoo import flags
from tfzoo.training.config import TrainConfig

# Our names of products to those of a BERT in transformers.
TARGETS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
}
MEGA_BATCH = 50  # Batches that are sorted by length together.
ROWS_AT_ONCE = 64


def new_model(config, labels):
    """The published encoder with a new head for labels, and adapters if the run has them."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        config.init_from, num_labels=len(labels), attn_implementation="sdpa"
    )
    if not config.lora_rank:
        return model
    import peft

    adapters = peft.LoraConfig(
        task_type=peft.TaskType.SEQ_CLS,
        r=config.lora_rank,
        lora_alpha=config.lora_alpha or 2 * config.lora_rank,
        target_modules=[TARGETS[name] for name in config.lora_targets],
        lora_dropout=config.lora_dropout,
    )
    return peft.get_peft_model(model, adapters)


class Rows:
    """Texts and their labels as batches of one length.

    Args:
        tokenizer: of transformers.
        rows: texts, and names of labels.
        labels: list of all names.
        length: int, tokens a row at most.
    """

    def __init__(self, tokenizer, rows, labels, length):
        self.tokenizer = tokenizer
        self.inputs = tokenizer(rows[0], truncation=True, max_length=length)["input_ids"]
        self.labels = torch.tensor([labels.index(label) for label in rows[1]])

    def batch(self, places):
        inputs = {"input_ids": [self.inputs[place] for place in places]}
        return {
            **self.tokenizer.pad(inputs, return_tensors="pt"),
            "labels": self.labels[torch.tensor(places)],
        }

    def shuffled(self, rows_a_step, seed):
        """Places of rows, batch after batch without end; rows of similar length together."""
        draws = np.random.default_rng(seed)
        while True:
            order = draws.permutation(len(self.inputs))
            batches = []
            for first in range(0, len(order), MEGA_BATCH * rows_a_step):
                part = order[first : first + MEGA_BATCH * rows_a_step]
                part = sorted(part, key=lambda place: len(self.inputs[place]))
                starts = range(0, len(part) - rows_a_step + 1, rows_a_step)
                batches += [part[start : start + rows_a_step] for start in starts]
            for number in draws.permutation(len(batches)):
                yield [int(place) for place in batches[number]]

    def in_order(self):
        order = np.argsort([len(ids) for ids in self.inputs], kind="stable")
        for first in range(0, len(order), ROWS_AT_ONCE):
            yield [int(place) for place in order[first : first + ROWS_AT_ONCE]]


def train(model, rows, config):
    """Makes the run's number of steps: AdamW, a warmup, then a line or half a cosine down to 0."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    betas = (0.9, config.adam_beta2)
    optimizer = torch.optim.AdamW(groups, config.learning_rate, betas=betas, fused=True)
    schedule = transformers.get_scheduler(
        config.schedule, optimizer, config.warmup_steps, config.train_steps
    )
    model.train()
    batches = rows.shuffled(config.global_batch_size, config.seed)
    for _ in range(config.train_steps):
        model(**rows.batch(next(batches))).loss.backward()
        if config.clip_norm:
            torch.nn.utils.clip_grad_norm_(trained, config.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def judge(model, rows):
    """Accuracy, and nats a row."""
    model.eval()
    right = nats = 0.0
    for places in rows.in_order():
        batch = rows.batch(places)
        found = model(**batch)
        right += (found.logits.argmax(-1) == batch["labels"]).sum().item()
        nats += found.loss.item() * len(places)
    return {"accuracy": right / len(rows.inputs), "loss": nats / len(rows.inputs)}


def saved_megabytes(model):
    """Of what `save_pretrained` writes: all weights, or adapters and the head alone."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return sum(path.stat().st_size for path in Path(folder).glob("*.safetensors")) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="Folder of the run.")
    given = parser.parse_args()
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    started = time.monotonic()
    torch.manual_seed(config.seed)
    torch.set_num_threads(os.cpu_count())
    seen, unseen = rows_of(config)
    labels = sorted({*seen[1], *unseen[1]})
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.init_from)
    length = config.sequence_length
    model = new_model(config, labels)
    train(model, Rows(tokenizer, seen, labels, length), config)
    trained = time.monotonic()
    result = {
        **judge(model, Rows(tokenizer, unseen, labels, length)),
        "num_rows": len(unseen[0]),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "training_minutes": (trained - started) / 60,
        "minutes": (time.monotonic() - started) / 60,
        "saved_megabytes": saved_megabytes(model),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
