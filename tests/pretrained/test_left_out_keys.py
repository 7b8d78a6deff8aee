"""A key that a `config.json` leaves out, or has null, means what it means to transformers."""

import pytest

from tfzoo.errors import UsageError
from tfzoo.pretrained import FAMILIES
from tfzoo.pretrained.settings import Settings

SIZES = {
    "vocab_size": 61,
    "max_position_embeddings": 24,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 48,
}
T5 = {"vocab_size": 61, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
GPT2 = {"vocab_size": 61, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}
LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0}


def read(family, **values):
    sizes = {"t5": T5, "gpt2": GPT2}.get(family, SIZES)
    settings = Settings(sizes | values, "config.json")
    config = FAMILIES[family].read_config(settings)
    settings.refuse_the_rest()
    return config


@pytest.mark.parametrize(
    ("values", "window"), [({}, 4096), ({"sliding_window": None}, None), ({"sliding_window": 7}, 7)]
)
def test_mistral_reads_4096_tokens_unless_told(values, window):
    assert read("mistral", **values).window == window


@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
@pytest.mark.parametrize(
    ("values", "window"),
    [({}, None), ({"use_sliding_window": True}, 4096), ({"sliding_window": 7}, None)],
)
def test_qwen_reads_all_unless_told(family, values, window):
    assert read(family, max_window_layers=0, head_dim=8, **values).window == window


def test_heads_of_qwen3_are_128_wide_unless_told():
    assert read("qwen3").head_dim == 128
    assert read("qwen3", head_dim=16).head_dim == 16
    assert read("llama").head_dim is None


@pytest.mark.parametrize(("family", "heads"), [("llama", 64), ("mistral", 8), ("qwen2", 32)])
def test_how_many_keys_there_are_unless_told(family, heads):
    sizes = {**SIZES, "num_attention_heads": 64, "hidden_size": 128}
    del sizes["num_key_value_heads"]
    settings = Settings(sizes, "config.json")
    assert FAMILIES[family].read_config(settings).num_key_value_heads == heads
    assert read(family, num_key_value_heads=None).num_key_value_heads == 4


def test_angles_told_twice_must_be_the_same():
    old = read("llama", rope_scaling=LINEAR, rope_parameters=LINEAR)
    assert (old.rotary_base, old.rotary_factor) == (500.0, 2.0)
    with pytest.raises(UsageError, match="config.json: rope_scaling=.*is not supported"):
        read("llama", rope_scaling=LINEAR, rope_parameters={"rope_theta": 500.0})


def test_llama_turns_whole_heads():
    assert read("llama", rope_parameters={**LINEAR, "partial_rotary_factor": 1.0}) == read(
        "llama", rope_parameters=LINEAR
    )
    with pytest.raises(UsageError, match="rope_parameters: partial_rotary_factor=0.5"):
        read("llama", rope_parameters={**LINEAR, "partial_rotary_factor": 0.5})


def test_null_means_no_where_transformers_takes_it_so():
    given = {"feed_forward_proj": "gated-gelu"}
    assert read("t5", **given).gated and read("t5", **given).scales_output
    switched = read("t5", **given, is_gated_act=None, scale_decoder_outputs=None)
    assert not switched.gated and not switched.scales_output


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("gelu_python", "gelu_erf"),
        ("gelu_accurate", "gelu_tanh"),
        ("gelu_python_tanh", "gelu_tanh"),
    ],
)
def test_the_same_activation_by_other_names(name, ours):
    assert read("gpt2", activation_function=name).activation == ours


@pytest.mark.parametrize("name", ["quick_gelu", "gelu_10", "relu2", "mish", "leaky_relu"])
def test_other_activations_are_refused(name):
    with pytest.raises(UsageError, match=f"activation_function='{name}'"):
        read("gpt2", activation_function=name)
