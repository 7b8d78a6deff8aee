"""A Transformer for translation in torch, to set beside the recipe: same data, size and minutes.

    python -m tfzoo.train --flagfile=experiments/translation/train.flags
    python -m benchmarks.translation --model_dir=runs/translation --minutes=20

The peer is transformers' Marian, the same architecture (Vaswani et al., 2017), with first weights
of the same sizes, on the batches of the run: its tokenizer, its split, its seed. Warmup and cosine
take the same shares of the minutes as of the run's steps, so that the peer uses them up at its own
pace. Prints BLEU and chrF of the validation part, greedy and by `--num_beams`, as
`python -m tfzoo.evaluate` gives them.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import torch
import transformers
import triton  # noqa: F401  Of torch: loaded after TensorFlow, it ends the process.
from torch.nn import functional as F

from tfzoo import flags
from tfzoo.evaluation import held_out, score_translations
from tfzoo.tasks import padding, sequences
from tfzoo.training import model_flags, preparation
from tfzoo.training.config import TrainConfig
from tfzoo.training.model_dir import ModelDir

BETAS = (0.9, 0.95)  # Those of the run.
ROWS = 32


def new_model(sizes, tokenizer):
    """A Marian of the run's sizes; first weights as Vaswani's code has them, and as ours are."""
    config = transformers.MarianConfig(
        vocab_size=tokenizer.vocabulary_size,
        d_model=sizes.hidden_dim,
        encoder_layers=sizes.num_layers,
        decoder_layers=sizes.num_layers,
        encoder_attention_heads=sizes.num_heads,
        decoder_attention_heads=sizes.num_heads,
        encoder_ffn_dim=sizes.intermediate_dim,
        decoder_ffn_dim=sizes.intermediate_dim,
        dropout=sizes.dropout,
        attention_dropout=sizes.dropout,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=sizes.max_sequence_length,
        pad_token_id=padding.padding_id(tokenizer),
        eos_token_id=sequences.end_id(tokenizer),
        forced_eos_token_id=None,
        decoder_start_token_id=sequences.start_id(tokenizer),
    )
    model = transformers.MarianMTModel(config)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not model.lm_head:
            torch.nn.init.xavier_uniform_(module.weight)
    torch.nn.init.normal_(model.model.shared.weight, std=sizes.hidden_dim**-0.5)
    return model


def train(model, batches, config, seconds, precision):
    """Trains for so many seconds; returns how many steps that were."""
    matrices = [p for p in model.parameters() if p.dim() > 1 and p.requires_grad]
    vectors = [p for p in model.parameters() if p.dim() < 2 and p.requires_grad]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, config.learning_rate, betas=BETAS, fused=True)
    warmup = config.warmup_steps / config.train_steps
    model.train()
    started, steps = time.monotonic(), 0
    while (progress := (time.monotonic() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * rate(progress, warmup)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of(model, next(batches), config.label_smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps += 1
        if steps % 100 == 0:
            print(f"step {steps}, {progress:.0%}: loss {loss.item():.3f}", flush=True)
    return steps


def rate(progress, warmup):
    """Share of the peak: a line up, then half a cosine down to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def loss_of(model, batch, label_smoothing):
    """The mean over the targets."""
    token_ids, mask, read, targets, weights = (
        torch.tensor(batch[name])
        for name in ("token_ids", "padding_mask", "decoder_token_ids", "targets", "weights")
    )
    logits = model(input_ids=token_ids, attention_mask=mask, decoder_input_ids=read).logits
    targets = torch.where(weights > 0, targets.long(), -100)
    return F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), label_smoothing=label_smoothing
    )


@torch.no_grad()
def translate(model, tokenizer, rows, num_beams):
    """The texts of sources, lists of ids, by transformers' own `generate`."""
    model.eval()
    texts = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for first in range(0, len(rows), ROWS):
        some = order[first : first + ROWS]
        length = max(len(rows[i]) for i in some)
        chosen = [rows[i] for i in some]
        token_ids = padding.padded(chosen, length, model.config.pad_token_id)
        found = model.generate(
            input_ids=torch.from_numpy(token_ids).long(),
            attention_mask=torch.from_numpy(padding.padding_mask(chosen, length)).long(),
            num_beams=num_beams,
            do_sample=False,
            max_new_tokens=model.config.max_position_embeddings - 1,
        )
        specials = (model.config.pad_token_id, model.config.eos_token_id)
        written = [[t for t in row[1:].tolist() if t not in specials] for row in found]
        for i, text in zip(some, tokenizer.decode_batch(written), strict=True):
            texts[i] = text
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="The run to set this beside.")
    parser.add_argument("--minutes", type=float, required=True, help="Minutes to train.")
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--num_beams", type=int, default=4)
    parser.add_argument("--num_sources", type=int, help="Translate the first so many only.")
    given = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    tokenizer, task, split = preparation.found(config, ModelDir(given.model_dir))
    sizes = model_flags.model_config(config)
    batches = task.training_batches(
        split.train,
        sequence_length=sizes.max_sequence_length,
        global_batch_size=config.global_batch_size,
        seed=config.seed,
    ).as_numpy_iterator()
    model = new_model(sizes, tokenizer)
    steps = train(model, batches, config, 60 * given.minutes, given.precision)
    examples = held_out(config)[: given.num_sources]
    rows = [
        padding.cut(task.source_ids(example["source"]), sizes.max_sequence_length)
        for example in examples
    ]
    references = [example["target"] for example in examples]
    result = {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "minutes": given.minutes,
        "steps": steps,
        "sentences": len(references),
    }
    for num_beams in (1, given.num_beams):
        score = score_translations(translate(model, tokenizer, rows, num_beams), references)
        result[f"beams_{num_beams}"] = {"bleu": score.bleu, "chrf": score.chrf}
    print(json.dumps({**result, "signature": score.bleu_signature}))


if __name__ == "__main__":
    main()
