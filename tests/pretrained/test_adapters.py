"""Adapters in peft's files: written and read again the same, or refused by name."""

import json

import numpy as np
import pytest
import safetensors.numpy

from tests.pretrained.folders import write_gpt2
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead
from tfzoo.models import Model
from tfzoo.models.adapters import add_adapters
from tfzoo.pretrained import read_adapter, read_model, write_adapter

IDS = np.arange(10, dtype="int32")[None]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """Ours of a GPT-2 whose folder is beside it."""
    folder = tmp_path_factory.mktemp("gpt2")
    write_gpt2(folder / "base")
    model, _ = read_model(folder / "base")
    add_adapters(model, rank=3, alpha=6.0, targets=("query_key_value",))
    (folder / "adapter").mkdir()
    write_adapter(model, folder / "adapter")
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "use_dora is not known"),
        ({"bias": "all"}, "bias='all' is not supported"),
        ({"rank_pattern": {"c_attn": 4}}, "rank_pattern is not known"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa' is not supported"),
        ({"peft_type": "IA3"}, "peft_type='IA3' is not supported"),
        ({"r": 4}, "of shape .3, 8., which does not fit"),
    ],
)
def test_switches_that_change_the_numbers_are_refused(adapter, tmp_path, changes, message):
    config = json.loads((adapter / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **changes}))
    weights = (adapter / "adapter" / "adapter_model.safetensors").read_bytes()
    (tmp_path / "adapter_model.safetensors").write_bytes(weights)
    model, _ = read_model(adapter / "base")
    with pytest.raises(UsageError, match=message):
        read_adapter(model, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.pop(sorted(x)[0]), "has no tensor base_model.model.transformer.h.0.attn"),
        (lambda x: x.update({"base_model.model.other": np.zeros(2, "f4")}), "no place for"),
        (lambda x: x.update({"a.lora_A.weight": np.zeros(2, "f4")}), "adapts a, which the model"),
        (lambda x: x.clear(), "holds no adapter"),
    ],
    ids=["missing", "spare", "unknown", "none"],
)
def test_a_tensor_out_of_place_is_named(adapter, tmp_path, change, message):
    arrays = safetensors.numpy.load_file(adapter / "adapter" / "adapter_model.safetensors")
    change(arrays)
    safetensors.numpy.save_file(arrays, tmp_path / "adapter_model.safetensors")
    config = (adapter / "adapter" / "adapter_config.json").read_text()
    (tmp_path / "adapter_config.json").write_text(config)
    model, _ = read_model(adapter / "base")
    with pytest.raises(UsageError, match=message):
        read_adapter(model, tmp_path)


def test_what_peft_has_no_place_for_is_refused(adapter, tmp_path):
    model, _ = read_model(adapter / "base")
    with pytest.raises(UsageError, match="the model has no adapters"):
        write_adapter(model, tmp_path)
    add_adapters(model, rank=3, alpha=6.0, targets=("value",))
    with pytest.raises(UsageError, match="no place for the adapter .*--lora_targets=query_key_val"):
        write_adapter(model, tmp_path)


def test_written_and_read_they_are_the_same(adapter, tmp_path):
    model, twin = (read_model(adapter / "base")[0] for _ in range(2))
    model.add_head("classification", ClassificationHead(2, use_bias=False))
    add_adapters(model, rank=2, alpha=5.0, dropout=0.1, targets=("query_key_value", "block_1/.*"))
    draws = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(draws.normal(size=weight.shape))
    write_adapter(model, tmp_path)
    read_adapter(twin, tmp_path)
    assert (twin.adapters.rank, twin.adapters.alpha, twin.adapters.dropout) == (2, 5.0, 0.1)
    ours, theirs = ({w.path: w.numpy() for w in x.trainable_weights} for x in (model, twin))
    assert ours.keys() == theirs.keys()
    for path, array in ours.items():
        np.testing.assert_array_equal(theirs[path], array)
    np.testing.assert_array_equal(twin(IDS), model(IDS))


def test_a_head_that_transformers_has_not_is_refused(adapter, tmp_path):
    model, _ = read_model(adapter / "base")
    Model.add_head(model, "classification", ClassificationHead(2))
    add_adapters(model, rank=2, alpha=5.0)
    with pytest.raises(UsageError, match="no place for heads/classification/labels/bias"):
        write_adapter(model, tmp_path)
