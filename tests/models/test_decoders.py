"""GPT, GPT-3, GPT-NeoX and Llama: their sizes, and what is each one's own."""

import numpy as np
import pytest

from tests.model_contract import IDS, SMALL, check_model, stirred
from tfzoo import models

MIXED = {  # Qwen3, with the biases of Qwen2.5 and the window of Mistral.
    "num_key_value_heads": 1,
    "head_dim": 10,
    "input_bias": True,
    "window": 4,
    "tied_embeddings": False,
}
FAMILIES = {
    "gpt": ("gpt", {}),
    "gpt2": ("gpt2_tiny", {}),
    "gpt3": ("gpt3_small", {"window": 3}),
    "gpt_neox": ("pythia_14m", {"rotary_fraction": 0.5}),
    "llama": ("llama_tiny", {}),
    "mixed": ("qwen3_0_6b", MIXED),
}


def small(family, **overrides):
    preset, own = FAMILIES[family]
    return stirred(models.from_preset(preset, **{**SMALL, **own, **overrides}))


@pytest.mark.parametrize("family", FAMILIES)
def test_contract(family, tmp_path):
    preset, own = FAMILIES[family]
    check_model(preset, tmp_path, **own)


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("gpt", 116_534_784),
        ("dialogpt_small", 124_439_808),
        ("dialogpt_medium", 354_823_168),
        ("dialogpt_large", 774_030_080),
        ("pythia_14m", 14_067_712),
        ("pythia_70m", 70_426_624),
        ("pythia_160m", 162_322_944),
        ("pythia_410m", 405_334_016),
        ("pythia_1b", 1_011_781_632),
        ("pythia_1_4b", 1_414_647_808),
        ("pythia_2_8b", 2_775_208_960),
        ("pythia_6_9b", 6_857_302_016),
        ("pythia_12b", 11_846_072_320),
        ("gpt_neox_20b", 20_554_567_680),
        ("llama_3_2_1b", 1_235_814_400),
        ("mistral_7b", 7_241_732_096),
        ("qwen2_5_0_5b", 494_032_768),
        ("qwen3_0_6b", 596_049_920),
        ("smollm2_135m", 134_515_008),
    ],
)
def test_presets_have_the_published_parameters(preset, parameters, count):
    """Those of transformers' own classes: `test_decoder_parity.py` counts them."""
    assert count(preset) == parameters


# Name, then the row of table 2.1: parameters, n_layers, d_model, n_heads, d_head.
GPT3_TABLE = [
    ("gpt3_small", 125e6, 12, 768, 12, 64),
    ("gpt3_medium", 350e6, 24, 1024, 16, 64),
    ("gpt3_large", 760e6, 24, 1536, 16, 96),
    ("gpt3_xl", 1.3e9, 24, 2048, 24, 128),
    ("gpt3_2_7b", 2.7e9, 32, 2560, 32, 80),
    ("gpt3_6_7b", 6.7e9, 32, 4096, 32, 128),
    ("gpt3_13b", 13.0e9, 40, 5140, 40, 128),
    ("gpt3_davinci", 175.0e9, 96, 12288, 96, 128),
]
SUBSTITUTES = {
    "gpt3_xl": {"num_heads": 16},  # 24 heads of 128 make 3072, not 2048.
    "gpt3_13b": {"hidden_dim": 5120},  # 40 heads of 128 make 5120, not 5140.
}


@pytest.mark.parametrize("row", GPT3_TABLE, ids=lambda row: row[0])
def test_gpt3_is_table_2_1(row, count):
    preset, parameters, num_layers, hidden_dim, num_heads, head_dim = row
    config = models.PRESETS[preset][1]
    given = {"num_layers": num_layers, "hidden_dim": hidden_dim, "num_heads": num_heads}
    for name, value in {**given, **SUBSTITUTES.get(preset, {})}.items():
        assert getattr(config, name) == value
    assert config.num_heads * head_dim == config.hidden_dim

    m = config.hidden_dim
    attention, feed_forward = 4 * m * m + 4 * m, 8 * m * m + 5 * m  # Matrices and biases.
    block = attention + feed_forward + 2 * 2 * m  # Two norms.
    expected = (50257 + 2048) * m + num_layers * block + 2 * m  # Tokens, positions; the last norm.
    assert count(preset) == expected
    assert expected == pytest.approx(parameters, rel=0.04)


def reach(model):
    """How many tokens from token 0 on have felt a change of it."""
    other = IDS.copy()
    other[:, 0] = (other[:, 0] + 1) % 61
    change = np.abs(np.asarray(model(other)) - model(IDS)).max(axis=(0, 2))
    assert not np.any(change[np.argmax(change < 1e-6) :] > 1e-6) or np.all(change > 1e-6)
    return int(np.sum(change > 1e-6))


def test_windows_add_up_over_blocks():
    assert [reach(small("mixed", window=w, num_layers=n)) for w, n in [(4, 1), (4, 2)]] == [4, 7]


def test_every_second_block_of_gpt3_reads_a_band():
    blocks = small("gpt3", num_layers=4).decoder.blocks
    assert [block.attention.variant.window for block in blocks] == [None, 3, None, 3]
    assert reach(small("gpt3", num_layers=1)) == 9


def test_gpt_neox_turns_a_part_of_each_head():
    attention = small("gpt_neox").decoder.blocks[0].attention
    x = np.random.default_rng(0).normal(size=(1, 4, 9, 8)).astype("float32")
    is_turned = np.any(np.asarray(attention.rotary(x)) != x, axis=(0, 1, 2))
    assert is_turned.tolist() == [True] * 4 + [False] * 4


def test_gpt_ends_in_the_norm_of_its_last_block():
    model = small("gpt")
    norm = model.decoder.blocks[-1].feed_forward_norm
    norm.gamma.assign(np.zeros(32))
    norm.beta.assign(np.arange(32))
    np.testing.assert_array_equal(model.hidden_states(IDS)[1, 4], np.arange(32))


@pytest.mark.parametrize(
    ("family", "tied"), [("gpt_neox", False), ("mixed", False), ("llama", True)]
)
def test_the_output_table_is_a_models_own_unless_tied(family, tied):
    model = small(family)
    assert (model.decoder.output_table is None) == tied
    table = model.decoder.token_embedding if tied else model.decoder.output_table
    np.testing.assert_array_equal(model.output_weights(), table.embeddings)


def test_a_cache_holds_the_key_heads_alone():
    assert small("mixed").new_cache(2, 7).keys[0].shape == (2, 1, 7, 10)


def test_the_width_between_products_follows_the_width():
    assert models.Llama.from_preset("llama_tiny", hidden_dim=96).config.intermediate_dim == 256


def test_the_pooled_state_is_the_last_tokens():
    model = small("llama")
    hidden, mask = model.hidden_states(IDS), np.ones(IDS.shape, bool)
    mask[0, 4:], mask[1, :2] = False, False
    pooled = model.pooled(hidden, mask)
    np.testing.assert_array_equal(pooled, np.stack([hidden[0, 3], hidden[1, 8]]))
    np.testing.assert_array_equal(model.pooled(hidden), hidden[:, -1])


def test_documents_with_a_cache_are_an_error():
    model = small("llama")
    with pytest.raises(ValueError, match="`document_ids` must be None with a cache"):
        model(IDS, cache=model.new_cache(2, 9), document_ids=np.zeros_like(IDS))


def test_no_two_families_share_a_presets_name():
    names = [name for family in models.MODELS.values() for name in family.presets]
    assert len(names) == len(set(names)) == len(models.PRESETS)


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("llama_tiny", {"num_heads": 3, "hidden_dim": 48}, "num_key_value_heads=2, num_heads=3"),
        ("llama_tiny", {"head_dim": 5}, "Received: head_dim=5"),
        ("llama_tiny", {"window": 0}, "`window` must be at least 1"),
        ("pythia_14m", {"rotary_fraction": 1.5}, "rotary_fraction=1.5, head width=32"),
        ("pythia_14m", {"num_heads": 32}, "rotary_fraction=0.25, head width=4"),
    ],
)
def test_sizes_that_do_not_go_together(preset, overrides, message):
    with pytest.raises(ValueError, match=message):
        models.from_preset(preset, **overrides)
