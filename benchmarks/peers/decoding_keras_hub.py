"""Decoding by keras-hub's `GPT2CausalLM.generate`."""

import sys

import keras_hub
import numpy as np

from benchmarks.peers.batches import prompts
from benchmarks.peers.keras_hub_model import gpt2_causal_lm
from benchmarks.settings import Setting
from benchmarks.turns import take_turns


def main():
    setting = Setting.from_json(sys.argv[1])
    model = gpt2_causal_lm(setting)
    sampler = keras_hub.samplers.TopPSampler(p=setting.top_p, seed=1) if setting.top_p else "greedy"
    model.compile(sampler=sampler, jit_compile=setting.compiled)
    inputs = _padded(prompts(setting), setting.num_new_tokens)

    def run_block():
        for _ in range(setting.num_steps):
            result = model.generate(inputs, stop_token_ids=None)
        assert np.asarray(result["padding_mask"]).all()
        return setting.num_steps * setting.batch_size * setting.num_new_tokens

    take_turns(run_block)


def _padded(token_ids, num_new_tokens):
    """The prompts with room for the new tokens, as keras-hub's preprocessor gives them."""
    room = ((0, 0), (0, num_new_tokens))
    mask = np.pad(np.ones_like(token_ids, bool), room)
    return {"token_ids": np.pad(token_ids, room), "padding_mask": mask}


if __name__ == "__main__":
    main()
