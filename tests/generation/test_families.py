"""Every decoder goes on as full passes would, whatever its cache holds."""

import numpy as np
import pytest

from tests.generation.test_decoding import (
    END_OF_TEXT,
    GREEDY,
    assert_greedy,
    in_a_plain_graph,
    sampling,
)
from tests.model_contract import SMALL, stirred
from tfzoo import models
from tfzoo.generation import Decoder, Writer

FAMILIES = {
    "gpt": {},
    "gpt3_small": {"window": 3, "num_layers": 2},  # Its first block has no band.
    "pythia_14m": {"rotary_fraction": 0.5},
    "llama_tiny": {"num_key_value_heads": 2},
    "mistral_7b": {"num_key_value_heads": 2, "window": 4},
    "qwen3_0_6b": {
        "num_layers": 2,
        "num_key_value_heads": 1,
        "head_dim": 10,
        "window": 4,
        "input_bias": True,
    },
}
RNG = np.random.default_rng(3)
PROMPTS = [RNG.integers(0, 49, n).tolist() for n in (5, 1, 9)]


def small(preset):
    sizes = {**SMALL, "num_layers": 1, "vocabulary_size": 50, **FAMILIES[preset]}
    return stirred(models.from_preset(preset, **sizes))


LIKE_OTHERS = {"gpt", "llama_tiny", "mistral_7b"}  # What they keep, others keep too.
PLAIN = [pytest.param(p, marks=pytest.mark.slow) if p in LIKE_OTHERS else p for p in FAMILIES]


@pytest.mark.parametrize("preset", PLAIN)
def test_the_plain_graph_goes_on_as_full_passes_would(preset):
    model = small(preset)

    texts = in_a_plain_graph(Writer(model, END_OF_TEXT))(PROMPTS, sampling(3, 8, **GREEDY))
    for prompt, new_tokens in zip(PROMPTS, texts, strict=True):
        assert_greedy(model, prompt, new_tokens, 8)


@pytest.mark.slow
@pytest.mark.parametrize("preset", FAMILIES)
@pytest.mark.parametrize("rows", [1, 3], ids=["one_row", "a_batch"])
@pytest.mark.parametrize("columns", [64, 4], ids=["a_whole_cache", "in_blocks"])
def test_the_compiled_program_goes_on_as_full_passes_would(preset, rows, columns, monkeypatch):
    monkeypatch.setattr("tfzoo.generation.blocks.SMALLEST", columns)
    model = small(preset)
    prompts = PROMPTS[:rows]
    new = Decoder(Writer(model, END_OF_TEXT)).generate(prompts, sampling(rows, 8, **GREEDY))
    for prompt, new_tokens in zip(prompts, new, strict=True):
        assert_greedy(model, prompt, new_tokens, 8)
