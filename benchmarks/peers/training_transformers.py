"""The training step of transformers' GPT2LMHeadModel on torch, eager or by torch.compile."""

import itertools
import sys

import torch

from benchmarks.peers.batches import training_batches
from benchmarks.peers.transformers_model import gpt2_lm_head_model
from benchmarks.settings import Setting
from benchmarks.turns import take_turns


def main():
    setting = Setting.from_json(sys.argv[1])
    model = gpt2_lm_head_model(setting).train()
    optimizer = torch.optim.AdamW(_groups(model), 1e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)
    loss_of = torch.compile(_loss) if setting.compiled else _loss
    token_ids, targets = (torch.from_numpy(x).long() for x in training_batches(setting))
    batches = itertools.cycle(list(zip(token_ids, targets, strict=True)))
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=setting.precision == "bfloat16")

    def run_block():
        for _ in range(setting.num_steps):
            with autocast:
                loss = loss_of(model, *next(batches))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        assert torch.isfinite(loss)
        return setting.num_steps * setting.batch_size * setting.sequence_length

    take_turns(run_block)


def _loss(model, token_ids, targets):
    logits = model(token_ids, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def _groups(model):
    """Matrices decay, vectors do not."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


if __name__ == "__main__":
    main()
