"""transformers' GPT-2 of a setting's shape."""

import os

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def gpt2_lm_head_model(setting):
    """A GPT2LMHeadModel with random weights, tied head and no dropout, on all cores."""
    torch.set_num_threads(os.cpu_count())
    config = GPT2Config(
        vocab_size=setting.vocabulary_size,
        n_layer=setting.num_layers,
        n_head=setting.num_heads,
        n_embd=setting.hidden_dim,
        n_positions=setting.sequence_length,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return GPT2LMHeadModel(config)
