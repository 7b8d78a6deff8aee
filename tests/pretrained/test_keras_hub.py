"""A preset of keras-hub is read with the numbers that it has there, or refused."""

import dataclasses
import json

import numpy as np
import pytest

from tests.pretrained.keras_hub_presets import FAMILIES, ROWS, backbone, stirred, tokenizer
from tfzoo import pretrained
from tfzoo.errors import UsageError
from tfzoo.pretrained.keras_hub import BACKBONES

SWITCHES = [(family, switches) for family, (_, many) in FAMILIES.items() for switches in many]
LABELLED = ("Bert", "DistilBert", "Roberta", "Albert")
IDS = np.random.default_rng(1).integers(0, ROWS, (2, 9)).astype("int32")
MASK = np.array([[True] * 9, [True] * 6 + [False] * 3])


@pytest.fixture
def hub():
    return pytest.importorskip("keras_hub")


def saved(hub, folder, family, model):
    """The name of a preset that a backbone or a task makes with a tokenizer."""
    model.save_to_preset(folder)
    tokenizer(hub, family).save_to_preset(folder)
    return f"keras_hub:{folder}"


def inputs_of(model):
    """What a backbone reads: the ids, a segment for each, and which are tokens."""
    given = {"token_ids": IDS, "segment_ids": IDS % 2, "padding_mask": MASK}
    return {name: given[name.split("coder_")[-1]] for name in model.input}


def states_of(ours, theirs):
    """Our states of what `inputs_of` gives, and keras-hub's."""
    outputs = theirs(inputs_of(theirs))
    if ours.kind == "encoder_decoder":
        states = ours.hidden_states(IDS, IDS, padding_mask=MASK)
        return states, outputs["decoder_sequence_output"]
    if ours.kind == "decoder":
        return ours.hidden_states(IDS, padding_mask=MASK), outputs
    segments = {"segment_ids": IDS % 2} if "segment_ids" in theirs.input else {}
    states = ours(IDS, padding_mask=MASK, **segments)
    return states, outputs["sequence_output"] if segments else outputs


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, 1e-5, 1e-5)


def changed(folder, **switches):
    """Changes what a preset's `config.json` says of its backbone."""
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["config"] |= switches
    path.write_text(json.dumps(content))


@pytest.mark.slow
@pytest.mark.parametrize(("family", "switches"), SWITCHES)
def test_the_states_are_those_of_keras_hub(hub, family, switches, tmp_path):
    model = backbone(hub, family, **switches)
    loaded = pretrained.load(saved(hub, tmp_path, family, model)).model
    ours, theirs = states_of(loaded, model)
    assert_same(np.asarray(ours)[MASK], np.asarray(theirs)[MASK])
    if hasattr(loaded, "pooler") and loaded.pooler is not None:
        assert_same(loaded.pooled(ours), model(inputs_of(model))["pooled_output"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "switches"),
    [(f, many[-2]) for f, (_, many) in FAMILIES.items() if f not in LABELLED],
)
def test_the_next_token_is_as_likely_as_in_keras_hub(hub, family, switches, tmp_path):
    model = backbone(hub, family, **switches)
    kind = "Seq2SeqLM" if family == "T5" else "CausalLM"
    task = getattr(hub.models, family + kind)(model, preprocessor=None)
    loaded = pretrained.load(saved(hub, tmp_path, family, task)).model
    logits = loaded(*[IDS] * (2 if family == "T5" else 1), padding_mask=MASK)
    assert_same(np.asarray(logits)[MASK], np.asarray(task(inputs_of(model)))[MASK])


@pytest.mark.slow
@pytest.mark.parametrize("family", LABELLED)
def test_a_text_classifier_comes_with_its_head(hub, family, tmp_path):
    make = getattr(hub.models, f"{family}TextClassifier")
    task = stirred(make(backbone(hub, family), num_classes=3, preprocessor=None))
    loaded = pretrained.load(saved(hub, tmp_path, family, task))
    ours, _ = states_of(loaded.model, task.backbone)
    logits = loaded.model.heads["classification"](loaded.model.pooled(ours))
    assert_same(logits, task(inputs_of(task.backbone)))
    assert loaded.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]


@pytest.mark.slow
def test_masked_words_of_roberta_come_with_their_head(hub, tmp_path):
    task = stirred(hub.models.RobertaMaskedLM(backbone(hub, "Roberta"), preprocessor=None))
    loaded = pretrained.load(saved(hub, tmp_path, "Roberta", task)).model
    ours, _ = states_of(loaded, task.backbone)
    places = {"mask_positions": np.tile(np.arange(6), (2, 1))}
    assert_same(loaded.logits(ours)[:, :6], task({**inputs_of(task.backbone), **places}))


def masked(hub, family):
    return getattr(hub.models, f"{family}MaskedLM")(backbone(hub, family), preprocessor=None)


def labelled(hub, **options):
    model = backbone(hub, "DistilBert")
    return hub.models.DistilBertTextClassifier(model, 2, preprocessor=None, **options)


REFUSED = {
    "layers in groups": (
        "Albert",
        lambda hub: backbone(hub, "Albert", num_groups=2),
        "num_groups=2, .* Give an ALBERT where it is 1",
    ),
    "two inner layers": (
        "Albert",
        lambda hub: backbone(hub, "Albert", num_inner_repetitions=2),
        "num_inner_repetitions=2",
    ),
    "an activation": (
        "T5",
        lambda hub: backbone(hub, "T5", activation="tanh"),
        "activation='tanh', and known are relu",
    ),
    "scaled positions": (
        "Llama",
        lambda hub: backbone(hub, "Llama", rope_position_scaling_factor=2.0),
        "rope_position_scaling_factor=2.0, which keras-hub takes .* Set it to 1.0",
    ),
    "an epsilon": (
        "Qwen3",
        lambda hub: backbone(hub, "Qwen3", layer_norm_epsilon=1e-3),
        "layer_norm_epsilon=0.001, .* for which it takes 1e-05. Set it to 1e-05",
    ),
    "BERT's masked words": (
        "Bert",
        lambda hub: masked(hub, "Bert"),
        "a BertMaskedLM, whose head .* Save the backbone and the tokenizer alone",
    ),
    "ALBERT's masked words": ("Albert", lambda hub: masked(hub, "Albert"), "an epsilon of 1e-5"),
    "labels that do not exclude each other": (
        "DistilBert",
        lambda hub: labelled(hub, activation="sigmoid"),
        "activation='sigmoid'",
    ),
    "a wide head": ("DistilBert", lambda hub: labelled(hub, hidden_dim=20), "hidden_dim=20, .*16"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_computed_otherwise_is_refused(hub, name, tmp_path):
    family, make, message = REFUSED[name]
    with pytest.raises(UsageError, match=message):
        pretrained.load(saved(hub, tmp_path, family, make(hub)))


@pytest.mark.slow
def test_the_published_epsilon_of_qwen3_is_told_of(hub, tmp_path, caplog):
    model = backbone(hub, "Qwen3", layer_norm_epsilon=1e-6)
    with caplog.at_level("WARNING"):
        loaded = pretrained.load(saved(hub, tmp_path, "Qwen3", model)).model
    assert "Here it is 1e-06, as in the published model" in caplog.text
    ours, theirs = states_of(loaded, model)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_a_class_that_is_not_known_is_refused(hub, tmp_path):
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8}
    hub.models.OPTBackbone(vocabulary_size=9, **sizes).save_to_preset(tmp_path)
    with pytest.raises(UsageError, match="class OPTBackbone, and known are GPT2Backbone, .*"):
        pretrained.load(f"keras_hub:{tmp_path}")


@pytest.mark.slow
def test_a_quantized_preset_is_refused(hub, tmp_path):
    model = backbone(hub, "GPT2")
    model.quantize("int8")
    with pytest.raises(UsageError, match="is quantized. Give the preset that it was made of"):
        pretrained.load(saved(hub, tmp_path, "GPT2", model))


@pytest.mark.slow
def test_a_tied_llama_asks_for_the_switch_that_keras_hub_leaves_out(hub, tmp_path):
    model = backbone(hub, "Llama3", tie_word_embeddings=True)
    name = saved(hub, tmp_path, "Llama3", model)
    with pytest.raises(UsageError, match="put tie_word_embeddings=true in its config.json"):
        pretrained.load(name)
    changed(tmp_path, tie_word_embeddings=True)
    ours, theirs = states_of(pretrained.load(name).model, model)
    assert_same(np.asarray(ours)[MASK], np.asarray(theirs)[MASK])


@pytest.mark.slow
def test_weights_that_no_rule_names_are_refused(hub, tmp_path, monkeypatch):
    known = BACKBONES["BertBackbone"]

    def less(*given):
        return {name: x for name, x in known.tensors(*given).items() if "pooler" not in name}

    monkeypatch.setitem(BACKBONES, "BertBackbone", dataclasses.replace(known, tensors=less))
    with pytest.raises(UsageError, match="has weights pooled_dense/kernel that are not known"):
        pretrained.load(saved(hub, tmp_path, "Bert", backbone(hub, "Bert")))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["Roberta", "T5"])
def test_what_was_read_is_written_for_transformers(hub, family, tmp_path):
    loaded = pretrained.load(saved(hub, tmp_path, family, backbone(hub, family)))
    (tmp_path / "written").mkdir()
    pretrained.save(tmp_path / "written", *loaded)
    again = pretrained.load(tmp_path / "written")
    assert again.model.config == loaded.model.config
    weights = again.model.encoder.weights, loaded.model.encoder.weights
    for weight, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


def test_a_preset_without_its_prefix_is_told_of(tmp_path):
    (tmp_path / "config.json").write_text('{"registered_name": "keras_hub>GPT2Backbone"}')
    with pytest.raises(UsageError, match=f"is a preset of keras-hub. Give keras_hub:{tmp_path}"):
        pretrained.load(tmp_path)


def test_a_preset_that_is_none(hub, tmp_path):
    with pytest.raises(UsageError, match="keras_hub:.*none cannot be loaded by keras-hub"):
        pretrained.load(f"keras_hub:{tmp_path / 'none'}")
