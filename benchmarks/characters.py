"""A GPT on characters of nanoGPT's CPU configuration, in plain torch, to set beside the recipe.

    python -m benchmarks.characters --train=train.txt --validation=validation.txt

The same model, steps and texts as experiments/characters/train.flags, run eagerly as nanoGPT's own
instructions for a CPU have it: no biases, exact GELU, AdamW with betas 0.9 and 0.99, batches at
random places of the text, and every 250 steps the loss over 20 batches of each text
(`--estimates=0` leaves that out). Prints the loss over the whole of the validation text, and the
seconds.
"""

import argparse
import json
import math
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

LAYERS, HEADS, WIDTH, CONTEXT, BATCH = 4, 4, 128, 64, 12
STEPS, WARMUP_STEPS, PEAK, LOWEST = 2000, 100, 1e-3, 1e-4
ESTIMATE_EVERY, ESTIMATE_BATCHES = 250, 20


class Block(nn.Module):
    """Attention and feed-forward, each normalized before and added after; no biases."""

    def __init__(self):
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH, bias=False)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.join = nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed_forward_norm = nn.LayerNorm(WIDTH, bias=False)
        self.intermediate = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.output = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        b, t, _ = x.shape
        heads = self.query_key_value(self.attention_norm(x)).view(b, t, 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        read = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.join(read.transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.output(F.gelu(self.intermediate(self.feed_forward_norm(x))))


class GPT(nn.Module):
    """Learned positions, pre-norm blocks, tied embeddings; GPT-2's first weights."""

    def __init__(self, vocabulary_size):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary_size, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.final_norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                added = name.endswith(("join.weight", "output.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * LAYERS) if added else 0.02)

    def forward(self, token_ids, targets, reduction="mean"):
        x = self.tokens(token_ids) + self.positions.weight[: token_ids.shape[1]]
        logits = F.linear(self.final_norm(self.blocks(x)), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction)


def train(model, tokens, unseen, num_steps, bfloat16=False, estimates=ESTIMATE_BATCHES):
    """Trains the model on rows from random places of `tokens`, with estimates of both losses."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, PEAK, betas=(0.9, 0.99), fused=True)
    for step in range(num_steps):
        if step % ESTIMATE_EVERY == 0:
            estimated_losses(model, (tokens, unseen), estimates, bfloat16)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, num_steps)
        loss = loss_of_some_rows(model, tokens, bfloat16)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    estimated_losses(model, (tokens, unseen), estimates, bfloat16)


def loss_of_some_rows(model, tokens, bfloat16):
    """The mean loss of a batch of rows from random places of `tokens`."""
    places = torch.randint(len(tokens) - CONTEXT, (BATCH, 1)) + torch.arange(CONTEXT)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        return model(tokens[places], tokens[places + 1])


@torch.no_grad()
def estimated_losses(model, texts, num_batches, bfloat16):
    """The mean loss of some batches of each text."""
    for tokens in texts:
        losses = [loss_of_some_rows(model, tokens, bfloat16).item() for _ in range(num_batches)]
        print(sum(losses) / max(1, num_batches), file=sys.stderr)


def learning_rate(step, num_steps):
    """A linear warmup, then half a cosine down to the lowest."""
    if step < WARMUP_STEPS:
        return PEAK * (step + 1) / (WARMUP_STEPS + 1)
    progress = (step - WARMUP_STEPS) / (num_steps - WARMUP_STEPS)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * progress)) * (PEAK - LOWEST)


@torch.no_grad()
def validation_loss(model, tokens):
    """Nats a character, in rows of the context's length that follow each other."""
    rows = (len(tokens) - 1) // CONTEXT
    read = tokens[: rows * CONTEXT].view(rows, CONTEXT)
    targets = tokens[1 : rows * CONTEXT + 1].view(rows, CONTEXT)
    batches = zip(read.split(64), targets.split(64), strict=True)
    total = sum(model(*batch, reduction="sum").item() for batch in batches)
    return total / targets.numel()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, help="Text to train on.")
    parser.add_argument("--validation", required=True, help="Text to validate on.")
    parser.add_argument("--steps", type=int, default=STEPS, help="Steps to train.")
    parser.add_argument(
        "--estimates",
        type=int,
        default=ESTIMATE_BATCHES,
        help=f"Batches of each text to estimate its loss by, every {ESTIMATE_EVERY} steps.",
    )
    parser.add_argument("--bfloat16", action="store_true", help="Train with torch.autocast.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of weights and places.")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    started = time.monotonic()
    train_codes, validation_codes = (_code_points(x) for x in (given.train, given.validation))
    known = np.unique(train_codes)
    model = GPT(len(known) + 1)  # The last is any character that is not known.
    texts = [_ids(codes, known) for codes in (train_codes, validation_codes)]
    train(model, *texts, given.steps, given.bfloat16, given.estimates)
    trained = time.monotonic()
    loss = validation_loss(model, texts[1])
    result = {
        "loss": loss,
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_seconds": trained - started,
        "seconds": time.monotonic() - started,
    }
    print(json.dumps(result))


def _code_points(path):
    with open(path, encoding="utf-8", newline="") as file:
        return np.frombuffer(file.read().encode("utf-32-le"), "<u4")


def _ids(codes, known):
    places = np.searchsorted(known, codes).clip(max=len(known) - 1)
    return torch.from_numpy(np.where(known[places] == codes, places, len(known)))


if __name__ == "__main__":
    main()
