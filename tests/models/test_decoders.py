"""GPT, GPT-3, GPT-NeoX and Llama: their sizes, and what is each one's own."""

import itertools

import numpy as np
import pytest

from tests.model_contract import SMALL, assert_close, check_model, stirred
from tfzoo import models

MISTRAL = {"window": 4, "tied_embeddings": False}
QWEN = {"num_key_value_heads": 1, "head_dim": 10, "input_bias": True, "head_norm": True}
FAMILIES = {
    "gpt": ("gpt", {}),
    "gpt2": ("gpt2_tiny", {}),
    "gpt3": ("gpt3_small", {"window": 3}),
    "gpt_neox": ("pythia_14m", {"rotary_fraction": 0.5}),
    "llama": ("llama_tiny", {}),
    "mistral": ("mistral_7b", {**MISTRAL, "num_key_value_heads": 2}),
    "qwen": ("qwen3_0_6b", QWEN),
}


def small(family, **overrides):
    preset, own = FAMILIES[family]
    return models.from_preset(preset, **{**SMALL, **own, **overrides})


@pytest.mark.parametrize("family", FAMILIES)
def test_contract(family, tmp_path):
    preset, own = FAMILIES[family]
    check_model(preset, tmp_path, **own)
