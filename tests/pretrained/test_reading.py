"""A folder of transformers is read whole, or refused by the name of what is wrong."""

import json
import os

import numpy as np
import pytest

from tests.pretrained.folders import change_tensors, gpt2_model, into_shards, write_gpt2
from tfzoo.errors import UsageError
from tfzoo.pretrained import read_model

TOKEN_IDS = np.array([[1, 2, 3, 4]], np.int32)


@pytest.fixture
def folder(tmp_path):
    write_gpt2(tmp_path / "gpt2")
    return tmp_path / "gpt2"


def set_config(folder, **values):
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | values))


def test_written_then_read_is_the_same_model(folder):
    model, published = read_model(folder)
    np.testing.assert_array_equal(model(TOKEN_IDS), gpt2_model()(TOKEN_IDS))
    assert published.parts == ["body", "language_model"]


def test_shards_are_one_model(folder):
    into_shards(folder)
    np.testing.assert_array_equal(read_model(folder)[0](TOKEN_IDS), gpt2_model()(TOKEN_IDS))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_files_give_float32_weights(folder, dtype):
    def narrow(arrays):
        arrays.update({name: x.astype(dtype) for name, x in arrays.items()})

    change_tensors(folder, narrow)
    model, published = read_model(folder)
    assert set(published.dtypes.values()) == {{"float16": "F16", "bfloat16": "BF16"}[dtype]}
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    np.testing.assert_allclose(model(TOKEN_IDS), gpt2_model()(TOKEN_IDS), rtol=0.1, atol=0.1)


def test_names_without_the_prefix(folder):
    def strip(arrays):
        for name in list(arrays):
            arrays[name.removeprefix("transformer.")] = arrays.pop(name)

    change_tensors(folder, strip)
    model, published = read_model(folder)
    assert not published.prefixed
    np.testing.assert_array_equal(model(TOKEN_IDS), gpt2_model()(TOKEN_IDS))


def remove(arrays):
    del arrays["transformer.h.1.ln_2.bias"]


def add(arrays):
    arrays["transformer.h.7.ln_2.bias"] = np.zeros(8, np.float32)


def reshape(arrays):
    arrays["transformer.wpe.weight"] = np.zeros((12, 9), np.float32)


def spoil(arrays):
    arrays["transformer.wte.weight"][3, 2] = np.nan


def quantize(arrays):
    arrays["transformer.wte.weight"] = np.zeros((31, 8), np.int8)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove, r"has no tensor transformer\.h\.1\.ln_2\.bias"),
        (add, r"a tensor transformer\.h\.7\.ln_2\.bias that the model has no place for"),
        (reshape, r"transformer\.wpe\.weight of shape \[12, 9\].* takes \[12, 8\]"),
        (spoil, r"transformer\.wte\.weight that holds NaN"),
        (quantize, r"transformer\.wte\.weight in I8"),
    ],
)
def test_a_tensor_that_does_not_fit(folder, change, told):
    change_tensors(folder, change)
    with pytest.raises(UsageError, match=told):
        read_model(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"activation_function": "quick_gelu"}, "activation_function='quick_gelu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"add_cross_attention": True}, "add_cross_attention=True"),
        ({"quantization_config": {"bits": 4}}, "quantization_config is not known"),
        ({"n_head": 3}, "`num_heads` must divide"),
        ({"n_embd": "8"}, "n_embd must be a whole number"),
        ({"layer_norm_epsilon": "tiny"}, "layer_norm_epsilon must be a float"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon must be a float"),
        ({"model_type": "bloom"}, "model_type 'bloom'"),
        ({"model_type": "llama"}, "config.json: num_attention_heads must be a whole number"),
    ],
)
def test_a_switch_that_is_not_known(folder, values, told):
    set_config(folder, **values)
    with pytest.raises(UsageError, match=told):
        read_model(folder)


def test_a_file_cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="model.safetensors that is cut short or damaged"):
        read_model(folder)


@pytest.mark.parametrize(
    "header", [b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}', b"{"]
)
def test_a_header_that_lies(folder, header):
    path = folder / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)
    with pytest.raises(UsageError, match="model.safetensors that is cut short or damaged"):
        read_model(folder)


def test_a_missing_shard(folder):
    into_shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UsageError, match="has no model-00002-of-00002.safetensors"):
        read_model(folder)


def test_a_tensor_that_the_index_leaves_out_is_read_from_its_shard(folder):
    into_shards(folder)
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    del index["weight_map"]["transformer.wte.weight"]
    path.write_text(json.dumps(index))
    np.testing.assert_array_equal(read_model(folder)[0](TOKEN_IDS), gpt2_model()(TOKEN_IDS))


def test_an_index_that_names_a_file_elsewhere(folder):
    into_shards(folder)
    path = folder / "model.safetensors.index.json"
    path.write_text(path.read_text().replace("model-00002", "../model-00002"))
    with pytest.raises(UsageError, match="a file outside of itself"):
        read_model(folder)


def test_a_link_out_of_the_folder(folder, tmp_path):
    os.rename(folder / "model.safetensors", tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="a link to .*elsewhere, outside of the folder"):
        read_model(folder)


def test_a_hub_s_cache_is_its_own(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0123"
    blobs.mkdir()
    snapshot.parent.mkdir()
    write_gpt2(snapshot)
    for path in list(snapshot.iterdir()):
        os.rename(path, blobs / path.name)
        path.symlink_to(blobs / path.name)
    np.testing.assert_array_equal(read_model(snapshot)[0](TOKEN_IDS), gpt2_model()(TOKEN_IDS))


def test_a_pickle_is_never_opened(folder):
    os.rename(folder / "model.safetensors", folder / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"pytorch_model\.bin, which is not read.*save_pretrained"):
        read_model(folder)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"a": '])
def test_a_config_that_is_none(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(UsageError, match="config.json that is no"):
        read_model(folder)


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        read_model(tmp_path / "none")
