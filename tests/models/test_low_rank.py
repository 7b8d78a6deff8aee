"""Low-rank adapters: at first they change nothing, and merged they change nothing more."""

import keras
import numpy as np
import pytest

from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead
from tfzoo.models.adapters import add_adapters, merge

SMALL = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "vocabulary_size": 50}
PRESETS = {
    "gpt2_tiny": {},
    "llama_tiny": {"num_key_value_heads": 1},
    "pythia_14m": {},
    "bert_tiny": {},
    "albert_base": {"embedding_dim": 8},
    "t5_tiny": {"head_dim": 8},
    "transformer_tiny": {},
}
# A family of each kind of model, and shared layers.
QUICK = {"gpt2_tiny", "albert_base", "t5_tiny"}
EACH = [pytest.param(p, marks=() if p in QUICK else pytest.mark.slow) for p in PRESETS]
IDS = np.random.default_rng(0).integers(0, 50, (2, 9)).astype("int32")


def new_model(preset, dtype=None):
    return models.from_preset(preset, dtype=dtype, **SMALL, **PRESETS[preset])


def outputs(model):
    inputs = (IDS, IDS[:, ::-1]) if model.kind == "encoder_decoder" else (IDS,)
    return np.asarray(model(*inputs), np.float32)


def teach(model):
    """Gives every adapter numbers that matter."""
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape) / 4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("preset", EACH)
def test_at_the_start_the_model_is_its_base_to_the_bit(preset, dtype):
    model = new_model(preset, dtype)
    before = outputs(model)
    add_adapters(model, rank=3, alpha=6.0)
    np.testing.assert_array_equal(outputs(model), before)


@pytest.mark.parametrize("targets", [(), ("query_key_value", "output"), ("query", "value")])
@pytest.mark.parametrize("preset", EACH)
def test_merged_it_computes_what_it_did_with_adapters(preset, targets):
    model = new_model(preset)
    before, paths = outputs(model), [weight.path for weight in model.weights]
    add_adapters(model, rank=3, alpha=6.0, targets=targets)
    teach(model)
    adapted = outputs(model)
    assert not np.allclose(adapted, before, atol=1e-2)
    merge(model)
    np.testing.assert_allclose(outputs(model), adapted, rtol=1e-5, atol=1e-5)
    assert [weight.path for weight in model.weights] == paths
    assert len(model.trainable_weights) == len(paths) and model.adapters is None


def test_what_is_merged_is_the_product_of_the_two_in_float32():
    model = new_model("gpt2_tiny")
    add_adapters(model, rank=3, alpha=6.0, targets=("block_0/attention/value",))
    teach(model)
    projection = model.decoder.blocks[0].attention.query_key_value
    [adapter] = projection.adapters.layers
    expected = projection.kernel.numpy()
    expected[:, 32:] += 2.0 * adapter.lora_a.numpy() @ adapter.lora_b.numpy()
    merge(model)
    np.testing.assert_allclose(projection.kernel.numpy(), expected, rtol=1e-6, atol=1e-7)


def test_adapters_and_heads_are_trained_and_nothing_else():
    model = new_model("bert_tiny")
    model.add_head("classification", ClassificationHead(2))
    add_adapters(model, rank=2, alpha=2.0, targets=("attention/output",))
    paths = {variable.path.split("/", 1)[1] for variable in model.trainable_variables}
    adapters = {
        f"encoder/block_{i}/attention/output/adapter/lora_{x}" for i in (0, 1) for x in "ab"
    }
    heads = {f"heads/classification/labels/{name}" for name in ("kernel", "bias")}
    assert paths == adapters | heads


@pytest.mark.parametrize("preset", ["gpt2_tiny", "t5_tiny"])
def test_model_json_tells_of_adapters(preset, tmp_path):
    model = new_model(preset)
    add_adapters(model, rank=2, alpha=3.0, targets=("query", "output"), dropout=0.1)
    models.save_config(model, tmp_path / "model.json")
    twin = models.load_config(tmp_path / "model.json")
    assert twin.adapters == model.adapters
    shapes = [[(w.path, w.shape, w.trainable) for w in m.weights] for m in (model, twin)]
    assert shapes[0] == shapes[1]


def test_an_adapter_drops_in_training_alone():
    model = new_model("llama_tiny")
    add_adapters(model, rank=2, alpha=2.0, dropout=0.5)
    teach(model)
    np.testing.assert_array_equal(model(IDS), model(IDS))
    keras.utils.set_random_seed(0)
    assert not np.allclose(model(IDS, training=True), model(IDS), atol=1e-3)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (("q_proj",), "ends with 'q_proj'. There are query_key_value, query, key, value, output"),
        (("put",), "ends with 'put'"),
        (("(",), "is no regular expression"),
        (("query_key_value", "key"), "names query_key_value and its part key"),
    ],
)
def test_targets_that_cannot_be_are_named(targets, message):
    with pytest.raises(UsageError, match="--lora_targets") as error:
        add_adapters(new_model("gpt2_tiny"), rank=2, alpha=2.0, targets=targets)
    assert message in str(error.value)


def test_a_model_has_adapters_once():
    model = new_model("gpt2_tiny")
    add_adapters(model, rank=2, alpha=2.0)
    with pytest.raises(ValueError, match="must have no adapters"):
        add_adapters(model, rank=2, alpha=2.0)
