"""A head of labels or of a number: which one a file means, and what is refused of it."""

import json

import numpy as np
import pytest
import safetensors.numpy

from tests.model_contract import IDS, SMALL, stirred
from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead
from tfzoo.models import Model
from tfzoo.models.adapters import add_adapters
from tfzoo.pretrained import read_adapter, read_model, write_adapter, write_model

PRESETS = ("gpt2_tiny", "llama_tiny", "bert_tiny", "distilbert_base_uncased", "roberta_base")


def written(preset, name, num_labels, folder, **switches):
    model = models.from_preset(preset, **SMALL)
    model.add_head(name, ClassificationHead(num_labels))
    write_model(stirred(model), folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | switches))
    return model


def outputs(model, name):
    return model.heads[name](model.pooled(model.hidden_states(IDS))).numpy()


@pytest.mark.parametrize("preset", PRESETS)
def test_one_label_is_a_number(preset, tmp_path):
    model = written(preset, "regression", 1, tmp_path)
    again, published = read_model(tmp_path)
    assert again.heads.keys() == {"regression"}
    np.testing.assert_array_equal(outputs(again, "regression"), outputs(model, "regression"))
    assert published.config["problem_type"] == "regression"
    assert list(published.config["id2label"]) == ["0"]
    (tmp_path / "back").mkdir()
    write_model(again, tmp_path / "back", published)
    for name in ("config.json", "model.safetensors"):
        theirs, ours = (safe(folder / name) for folder in (tmp_path, tmp_path / "back"))
        assert theirs.keys() == ours.keys()


def safe(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return safetensors.numpy.load_file(path)


@pytest.mark.parametrize("problem", ["multi_label_classification", "regression"])
@pytest.mark.parametrize("preset", ["gpt2_tiny", "bert_tiny"])
def test_labels_that_may_hold_together_are_refused(preset, problem, tmp_path):
    written(preset, "classification", 3, tmp_path, problem_type=problem)
    with pytest.raises(UsageError, match=f"config.json with problem_type='{problem}'"):
        read_model(tmp_path)


def test_one_label_of_tokens_is_no_number(tmp_path):
    written("bert_tiny", "regression", 1, tmp_path, architectures=["BertForTokenClassification"])
    assert read_model(tmp_path)[0].heads.keys() == {"token_classification"}


def test_a_decoder_s_new_labels_have_no_bias_and_an_old_one_is_not_lost(tmp_path):
    model = models.from_preset("gpt2_tiny", **SMALL)
    assert not model.add_head("new", ClassificationHead(2)).use_bias
    Model.add_head(model, "classification", ClassificationHead(2))
    again = type(model).from_config(model.get_config())
    assert again.heads["classification"].use_bias
    model = models.from_preset("gpt2_tiny", **SMALL)
    Model.add_head(model, "classification", ClassificationHead(2))
    stirred(model)
    with pytest.raises(UsageError, match="no place for heads/classification/labels/bias"):
        write_model(model, tmp_path)


@pytest.mark.parametrize(("name", "num_labels"), [("classification", 3), ("regression", 1)])
def test_adapters_bring_the_head_of_their_task(name, num_labels, tmp_path):
    model, twin = (stirred(models.from_preset("bert_tiny", **SMALL)) for _ in range(2))
    model.add_head(name, ClassificationHead(num_labels))
    add_adapters(model, rank=2, alpha=4.0)
    write_adapter(model, tmp_path)
    read_adapter(twin, tmp_path)
    assert twin.heads.keys() == {name}
