"""BERT and its kin as transformers saves them: what fits is read, what does not is named."""

import json

import numpy as np
import pytest
import safetensors.numpy

from tests.model_contract import IDS, SMALL, assert_close, stirred
from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead, PairHead, TokenClassificationHead
from tfzoo.pretrained import read_model, write_model

PAIRS = {"bert_tiny": "next_sentence", "albert_base": "sentence_order"}
PRESETS = ("bert_tiny", "distilbert_base_uncased", "roberta_base", "albert_base")


def new_model(preset, heads=None, **overrides):
    """A small model whose every weight matters."""
    model = models.from_preset(preset, **{**SMALL, **overrides})
    for name, head in (heads or {}).items():
        model.add_head(name, head)
    return stirred(model)


@pytest.fixture
def folder(tmp_path):
    """What a small BERT is as transformers saves it, with all that it was pre-trained with."""
    write_model(new_model("bert_tiny", {"next_sentence": PairHead()}), tmp_path)
    return tmp_path


def change_config(folder, **switches):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | switches))


def tensors(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")


def change_tensors(folder, change):
    """Saves what `change` makes of the dict of tensors."""
    safetensors.numpy.save_file(change(tensors(folder)), folder / "model.safetensors")


def renamed(*pairs):
    """A change of names: each old part of them to a new one."""

    def change(arrays):
        for old, new in pairs:
            arrays = {name.replace(old, new): array for name, array in arrays.items()}
        return arrays

    return change


def without(*parts):
    """A change that leaves out the tensors that have one of these in their names."""
    return lambda arrays: {k: x for k, x in arrays.items() if not any(p in k for p in parts)}


def assert_same_weights(ours, expected):
    assert [w.path for w in ours.weights] == [w.path for w in expected.weights]
    for weight, other in zip(ours.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


def written_again(folder, model, published):
    (folder / "again").mkdir(exist_ok=True)
    write_model(model, folder / "again", published)
    return folder / "again"


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_written_is_read_back(preset, tied, tmp_path):
    heads = {PAIRS[preset]: PairHead()} if preset in PAIRS else {}
    sizes = {"activation": "relu", "norm_epsilon": 1e-12, "tied_embeddings": tied}
    model = new_model(preset, {**heads, "classification": ClassificationHead(3)}, **sizes)
    write_model(model, tmp_path, labels=["bad", "fair", "good"])
    again, published = read_model(tmp_path)
    assert again.config == model.config and again.heads.keys() == model.heads.keys()
    assert_same_weights(again, model)
    assert {"masked_words", "classification", *heads} < set(published.parts)
    assert published.config["label2id"] == {"bad": 0, "fair": 1, "good": 2}


def test_tags_are_written_and_read_with_their_names(tmp_path):
    model = new_model("bert_tiny", {"token_classification": TokenClassificationHead(2)})
    write_model(model, tmp_path, labels=["O", "B"])
    again, published = read_model(tmp_path)
    assert_same_weights(again, model)
    assert published.config["architectures"] == ["BertForTokenClassification"]
    assert published.config["id2label"] == {"0": "O", "1": "B"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("layer.1.output.dense.bias"), "no tensor bert.encoder.layer.1.output.dense.bias"),
        (without("predictions.bias"), "no tensor cls.predictions.bias"),
        (without("transform.dense"), r"no tensor cls.predictions.transform.dense.bias \(and 1 oth"),
        (without("relationship.weight"), "no tensor cls.seq_relationship.weight"),
        (without("pooler"), "no tensor bert.pooler.dense.bias"),
        (lambda x: {**x, "qa_outputs.bias": np.ones(2, "float32")}, "a tensor qa_outputs.bias"),
        (
            lambda x: {**x, "cls.seq_relationship.weight": np.ones([], "float32")},
            r"cls.seq_relationship.weight of shape \[\]",
        ),
        (
            lambda x: {**x, "bert.embeddings.LayerNorm.bias": np.ones(31, "float32")},
            r"bert.embeddings.LayerNorm.bias of shape \[31\], which .* takes \[32\]",
        ),
        (
            lambda x: {**x, "cls.predictions.decoder.weight": np.ones([61, 32], "float32")},
            "cls.predictions.decoder.weight of other numbers .* Set tie_word_embeddings to false",
        ),
    ],
)
def test_what_does_not_fit_is_named(folder, change, message):
    change_tensors(folder, change)
    with pytest.raises(UsageError, match=message):
        read_model(folder)


REFUSED = {
    "bert_tiny": [
        ("hidden_act", "quick_gelu"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("hidden_size", "wide"),
        ("type_vocab_size", 2.5),
        ("a_new_switch", 1),
    ],
    "distilbert_base_uncased": [("activation", "mish"), ("tie_weights_", False), ("n_layers", 0)],
    "roberta_base": [("hidden_act", "mish"), ("position_embedding_type", "relative_key_query")],
    "albert_base": [("num_hidden_groups", 2), ("inner_group_num", 2), ("hidden_act", "mish")],
}


@pytest.mark.parametrize(
    ("preset", "name", "value"), [(preset, *x) for preset, xs in REFUSED.items() for x in xs]
)
def test_switches_that_are_not_known_are_named(preset, name, value, tmp_path):
    write_model(new_model(preset), tmp_path)
    change_config(tmp_path, **{name: value})
    with pytest.raises(UsageError, match=f"^--from=[^ ]*: config.json: {name}"):
        read_model(tmp_path)


def test_places_of_roberta_start_after_its_padding(tmp_path):
    model = new_model("roberta_base", first_position=5)
    write_model(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["pad_token_id"], config["max_position_embeddings"]) == (4, 24 + 5)
    assert_close(read_model(tmp_path)[0](IDS), model(IDS))
    change_config(tmp_path, max_position_embeddings=5)
    with pytest.raises(UsageError, match="fits no model .*max_sequence_length"):
        read_model(tmp_path)


def test_parts_that_a_file_has_not_are_told(folder):
    change_tensors(folder, without("cls.", "pooler"))
    with pytest.raises(UsageError, match=r"has no tensor bert\.pooler\.dense\.bias"):
        read_model(folder)  # Its config.json says that it has all.
    change_config(folder, architectures=["BertModel"])
    model, published = read_model(folder)
    assert published.parts == ["body"] and model.pooler is not None
    assert tensors(written_again(folder, model, published)).keys() == tensors(folder).keys()


OLD_NAMES = renamed(
    ("bert.", ""), ("LayerNorm.weight", "LayerNorm.gamma"), ("Norm.bias", "Norm.beta")
)


def test_old_names_are_read_and_kept(folder):
    expected, _ = read_model(folder)
    change_tensors(folder, OLD_NAMES)
    change_tensors(folder, lambda x: {**x, "embeddings.position_ids": np.arange(24)[None]})
    model, published = read_model(folder)
    assert_same_weights(model, expected)
    again = written_again(folder, model, published)
    assert tensors(again).keys() == tensors(folder).keys() - {"embeddings.position_ids"}
    assert (again / "config.json").read_bytes() == (folder / "config.json").read_bytes()


def test_a_tied_table_that_a_file_has_twice_is_written_twice(folder):
    def twice(arrays):
        table = arrays["bert.embeddings.word_embeddings.weight"]
        return {**arrays, "cls.predictions.decoder.weight": table.copy()}

    change_tensors(folder, twice)
    again = tensors(written_again(folder, *read_model(folder)))
    expected = tensors(folder)
    assert again.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_the_bias_of_words_has_two_names_and_that_of_the_decoder_counts(tied, tmp_path):
    model = new_model("bert_tiny", tied_embeddings=tied)
    write_model(model, tmp_path)
    name, inner = "cls.predictions.bias", "cls.predictions.decoder.bias"
    assert (inner in tensors(tmp_path), name in tensors(tmp_path)) == (not tied, tied)
    for change in (renamed((inner, name)), renamed((name, inner))):
        change_tensors(tmp_path, change)
        again, published = read_model(tmp_path)
        assert_same_weights(again, model)
        back = written_again(tmp_path, again, published)
        assert tensors(back).keys() == tensors(tmp_path).keys()
    change_tensors(tmp_path, lambda x: {**x, name: np.zeros(61, "float32")})
    assert_same_weights(read_model(tmp_path)[0], model)


def test_whose_labels_they_are_the_architecture_tells(tmp_path):
    write_model(new_model("bert_tiny", {"classification": ClassificationHead(3)}), tmp_path)
    assert read_model(tmp_path)[0].heads.keys() == {"classification"}
    change_config(tmp_path, architectures=["BertForTokenClassification"])
    assert read_model(tmp_path)[0].heads.keys() == {"token_classification"}
    for other in (["BertForMultipleChoice"], None):
        change_config(tmp_path, architectures=other)
        with pytest.raises(UsageError, match="tensor classifier.bias .* Its architectures are"):
            read_model(tmp_path)


def test_a_head_that_was_added_is_written_with_what_it_reads(folder):
    def as_a_body_alone(arrays):
        arrays = renamed(("bert.", ""))(without("cls.", "pooler")(arrays))
        return {name: array.astype("float16") for name, array in arrays.items()}

    change_tensors(folder, as_a_body_alone)
    change_config(folder, architectures=["BertModel"])
    model, published = read_model(folder)
    model.add_head("classification", ClassificationHead(3))
    again = written_again(folder, model, published)
    assert {"bert.pooler.dense.bias", "classifier.weight"} < tensors(again).keys()
    assert tensors(again)["bert.embeddings.LayerNorm.bias"].dtype == "float16"
    read, fresh = read_model(again)
    assert fresh.config["architectures"] == ["BertForSequenceClassification"]
    assert_close(read.heads["classification"](read.pooled(read(IDS))), _labels_of(model))


def _labels_of(model):
    return model.heads["classification"](model.pooled(model(IDS)))


def test_heads_that_share_a_name_are_not_written_over_each_other(tmp_path):
    heads = {"token_classification": TokenClassificationHead(3)}
    model = new_model("bert_tiny", {**heads, "classification": ClassificationHead(3)})
    with pytest.raises(UsageError, match="both called classifier.weight in transformers"):
        write_model(model, tmp_path)


def test_a_pooler_of_roberta_is_a_head(tmp_path):
    write_model(new_model("roberta_base"), tmp_path)
    pooler = {"kernel": np.eye(32, dtype="float32"), "bias": np.zeros(32, "float32")}
    names = {"kernel": "roberta.pooler.dense.weight", "bias": "roberta.pooler.dense.bias"}
    change_tensors(tmp_path, lambda x: x | {names[k]: array for k, array in pooler.items()})
    model, published = read_model(tmp_path)
    hidden = model(IDS)
    assert_close(model.heads["pooler"](model.pooled(hidden)), np.tanh(hidden[:, 0]))
    assert tensors(written_again(tmp_path, model, published)).keys() == tensors(tmp_path).keys()


def test_distilbert_has_one_epsilon(tmp_path):
    with pytest.raises(UsageError, match="norm_epsilon=0.001 cannot be written"):
        write_model(new_model("distilbert_base_uncased", norm_epsilon=1e-3), tmp_path)
