"""What is written as a published checkpoint is read back the same; what is not known is refused."""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.numpy

from tests.model_contract import SMALL, stirred
from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.pretrained import read_model, write_model

MODELS = {
    "openai-gpt": ("gpt", {"activation": "relu", "norm_epsilon": 1e-3}),
    "openai-gpt, untied": ("gpt", {"tied_embeddings": False}),
    "gpt2": ("gpt2_tiny", {"activation": "gelu_erf"}),
    "gpt_neox": ("pythia_14m", {"rotary_fraction": 0.5, "activation": "gelu_tanh"}),
    "gpt_neox, in order": ("pythia_14m", {"rotary_fraction": 0.5, "parallel": False}),
    "gpt_neox, tied": (
        "pythia_14m",
        {
            "rotary_fraction": 1.0,
            "tied_embeddings": True,
            "attention_bias": False,
            "rotary_base": 500.0,
            "rotary_factor": 2.0,
        },
    ),
    "llama": ("llama_tiny", {"num_key_value_heads": 2}),
    "t5": ("t5_tiny", {"head_dim": 6, "num_buckets": 8, "max_distance": 12}),
    "t5, 1.1": (
        "t5_tiny",
        {"gated": True, "tied_embeddings": False, "num_decoder_layers": 1, "norm_epsilon": 1e-3},
    ),
    "t5, unscaled": ("t5_tiny", {"scaled_output": False, "activation": "gelu_erf", "gated": True}),
}


def made(case):
    preset, switches = MODELS[case]
    return stirred(models.from_preset(preset, **{**SMALL, **switches}))


def written(case, folder):
    model = made(case)
    write_model(model, folder)
    return model


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def leave_out(folder, *names):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({name: x for name, x in config.items() if name not in names}))


def change_tensors(folder, change):
    """Writes the file with what the function `change` makes of its dict of arrays."""
    path = folder / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    change(tensors)
    safetensors.numpy.save_file(tensors, path)


def assert_same(ours, others):
    names = [weight.path for weight in ours.trainable_variables]
    assert names == [weight.path for weight in others.trainable_variables]
    for a, b in zip(ours.trainable_variables, others.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


@pytest.mark.parametrize("case", MODELS)
def test_what_is_written_is_read_back_the_same(case, tmp_path):
    model = written(case, tmp_path)
    again, _ = read_model(tmp_path)
    assert_same(again, model)
    left_open = {
        name: getattr(again.config, name)
        for name, value in dataclasses.asdict(model.config).items()
        if value is None
    }
    assert again.config == dataclasses.replace(model.config, **left_open)


REFUSED = [
    ("openai-gpt", "afn", "gelu_new"),
    ("gpt_neox", "hidden_act", "mish"),
    ("gpt_neox", "rope_type", {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}),
    ("gpt_neox", "low_freq_factor", {"rope_parameters": {"low_freq_factor": 2.0}}),
    ("gpt_neox", "rope_theta", 500.0),
    ("t5", "feed_forward_proj", "gated-tanh"),
    ("t5", "feed_forward_proj", "fenced-gelu"),
    ("t5", "dense_act_fn", "tanh"),
    ("t5", "is_decoder", True),
    ("t5", "sparse_layers", 2),
]


@pytest.mark.parametrize(("case", "switch", "value"), REFUSED)
def test_a_switch_that_is_not_known_is_refused_by_name(case, switch, value, tmp_path):
    written(case, tmp_path)
    change_config(tmp_path, **(value if isinstance(value, dict) else {switch: value}))
    with pytest.raises(UsageError, match=f"config.json.*{switch}"):
        read_model(tmp_path)


def test_a_configuration_that_fits_no_model_is_told(tmp_path):
    written("t5", tmp_path)
    change_config(tmp_path, relative_attention_num_buckets=7)
    with pytest.raises(UsageError, match="num_buckets.*Received: num_buckets=7"):
        read_model(tmp_path)


MISSING = [
    ("openai-gpt", "transformer.h.1.mlp.c_fc.bias"),
    ("gpt_neox", "gpt_neox.layers.0.attention.query_key_value.weight"),
    ("gpt_neox", "embed_out.weight"),
    ("t5", "decoder.block.1.layer.1.EncDecAttention.k.weight"),
    ("t5", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
]


@pytest.mark.parametrize(("case", "name"), MISSING)
def test_a_missing_tensor_is_named(case, name, tmp_path):
    written(case, tmp_path)
    change_tensors(tmp_path, lambda tensors: tensors.pop(name))
    with pytest.raises(UsageError, match=f"has no tensor {name}. Is config"):
        read_model(tmp_path)


def renamed(before, after):
    return lambda tensors: tensors.update({after: tensors.pop(before)})


RENAMED = [
    ("gpt_neox", "embed_out.weight", "lm_head.weight"),
]


@pytest.mark.parametrize(("case", "before", "after"), RENAMED)
def test_a_tensor_by_its_other_name_is_read_and_written_by_it(case, before, after, tmp_path):
    original = written(case, tmp_path)
    change_tensors(tmp_path, renamed(before, after))
    model, published = read_model(tmp_path)
    assert_same(model, original)
    write_model(model, tmp_path, published)
    names = safetensors.numpy.load_file(tmp_path / "model.safetensors").keys()
    assert after in names
    assert before not in names


COPIES = [
    ("openai-gpt", "transformer.tokens_embed.weight", "lm_head.weight"),
    ("gpt_neox, tied", "gpt_neox.embed_in.weight", "embed_out.weight"),
]


@pytest.mark.parametrize(("case", "name", "copy"), COPIES)
def test_a_tied_table_may_be_there_twice_but_only_the_same(case, name, copy, tmp_path):
    original = written(case, tmp_path)
    change_tensors(tmp_path, lambda tensors: tensors.update({copy: tensors[name].copy()}))
    model, published = read_model(tmp_path)
    assert_same(model, original)
    write_model(model, tmp_path, published)
    change_tensors(tmp_path, lambda tensors: tensors.update({copy: tensors[name] + 1}))
    with pytest.raises(UsageError, match=f"{copy} of other numbers"):
        read_model(tmp_path)


IGNORED = [
    ("openai-gpt", "transformer.h.0.attn.bias"),
    ("gpt_neox", "gpt_neox.layers.1.attention.masked_bias"),
    ("gpt_neox", "gpt_neox.layers.1.attention.rotary_emb.inv_freq"),
    ("t5", "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),
]


@pytest.mark.parametrize(("case", "name"), IGNORED)
def test_what_is_no_weight_is_left_out_and_nothing_else(case, name, tmp_path):
    written(case, tmp_path)
    change_tensors(tmp_path, lambda tensors: tensors.update({name: np.ones(3, "float32")}))
    read_model(tmp_path)
    change_tensors(tmp_path, renamed(name, f"{name}s"))
    with pytest.raises(UsageError, match=f"has a tensor {name}s that the model has no place for"):
        read_model(tmp_path)


def test_neox_angles_are_told_by_keys_old_and_new(tmp_path):
    written("gpt_neox, tied", tmp_path)
    config = read_model(tmp_path)[0].config
    old = {"rotary_pct": 1.0, "rotary_emb_base": 500, "rope_parameters": None}
    change_config(tmp_path, **old, rope_scaling={"type": "linear", "factor": 2.0}, rope_theta=500)
    assert read_model(tmp_path)[0].config == config


def test_neox_has_a_heads_query_key_and_value_together(tmp_path):
    written("gpt_neox", tmp_path)
    name = "gpt_neox.layers.0.attention.query_key_value"
    places = np.arange(96, dtype="float32")  # 4 heads of 8: a row's place among theirs.
    change_tensors(tmp_path, lambda tensors: tensors.update({f"{name}.bias": places}))
    attention = read_model(tmp_path)[0].decoder.blocks[0].attention
    ours = attention.query_key_value.bias.numpy().reshape(3, 4, 8)
    for part, head in np.ndindex(3, 4):
        np.testing.assert_array_equal(ours[part, head], 24 * head + 8 * part + np.arange(8))


@pytest.mark.parametrize(
    ("changes", "gated", "activation"),
    [
        ({"feed_forward_proj": "gated-gelu"}, True, "gelu_tanh"),
        ({"feed_forward_proj": "gelu"}, False, "gelu_erf"),
        ({"feed_forward_proj": "gated-silu"}, True, "silu"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"}, True, "gelu_erf"),
    ],
)
def test_the_activations_of_t5(changes, gated, activation, tmp_path):
    model = stirred(models.from_preset("t5_tiny", **SMALL, gated=gated, activation=activation))
    write_model(model, tmp_path)
    leave_out(tmp_path, "is_gated_act", "dense_act_fn")
    change_config(tmp_path, **changes)
    config = read_model(tmp_path)[0].config
    assert (config.gated, config.feed_forward_activation) == (gated, activation)


def test_the_gelu_of_the_first_gpt_is_the_tanh_form(tmp_path):
    written("openai-gpt", tmp_path)
    change_config(tmp_path, afn="gelu")
    assert read_model(tmp_path)[0].config.activation == "gelu_tanh"
    erf = models.from_preset("gpt", **SMALL, activation="gelu_erf")
    with pytest.raises(UsageError, match="--model_dir.*activation=gelu_erf"):
        write_model(erf, tmp_path)
