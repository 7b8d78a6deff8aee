"""Decoding by transformers: its dynamic cache, or a static one with torch.compile."""

import sys

import torch

from benchmarks.peers.batches import prompts
from benchmarks.peers.transformers_model import gpt2_lm_head_model
from benchmarks.settings import Setting
from benchmarks.turns import take_turns


def main():
    setting = Setting.from_json(sys.argv[1])
    model = gpt2_lm_head_model(setting).eval()
    if setting.precision == "bfloat16":
        model = model.to(torch.bfloat16)
    if setting.compiled:
        model.forward = torch.compile(model.forward)
    token_ids = torch.from_numpy(prompts(setting)).long()
    options = {
        "attention_mask": torch.ones_like(token_ids),
        "max_new_tokens": setting.num_new_tokens,
        "do_sample": bool(setting.top_p),
        "eos_token_id": None,
        "pad_token_id": 0,
        "cache_implementation": "static" if setting.compiled else None,
    }
    if setting.top_p:
        options |= {"top_p": setting.top_p, "top_k": 0}

    def run_block():
        for _ in range(setting.num_steps):
            rows = model.generate(token_ids, **options)
        assert rows.shape[1] == setting.prompt_length + setting.num_new_tokens
        return setting.num_steps * setting.batch_size * setting.num_new_tokens

    take_turns(run_block)


if __name__ == "__main__":
    main()
