"""A preset of keras-hub is read with the numbers and the ids that it has there."""

import json

import numpy as np
import pytest

from tests.pretrained.keras_hub_presets import FAMILIES, ROWS, TEXTS, backbone, stirred, tokenizer
from tfzoo import pretrained
from tfzoo.errors import UsageError

SWITCHES = [(family, switches) for family, (_, many) in FAMILIES.items() for switches in many]
IDS = np.random.default_rng(1).integers(0, ROWS, (2, 9)).astype("int32")
MASK = np.array([[True] * 9, [True] * 6 + [False] * 3])


@pytest.fixture
def hub():
    return pytest.importorskip("keras_hub")


def saved(hub, folder, family, model):
    model.save_to_preset(folder)
    tokenizer(hub, family).save_to_preset(folder)
    return f"keras_hub:{folder}"


def inputs_of(model):
    """What a backbone reads: the ids, a segment for each, and which are tokens."""
    given = {"token_ids": IDS, "segment_ids": IDS % 2, "padding_mask": MASK}
    return {name: given[name.split("coder_")[-1]] for name in model.input}


def read(loaded, model):
    """Our states of the same."""
    if loaded.kind == "encoder_decoder":
        return loaded.hidden_states(IDS, IDS, padding_mask=MASK)
    segments = {"segment_ids": IDS % 2} if "segment_ids" in model.input else {}
    states = loaded if loaded.kind == "encoder" else loaded.hidden_states
    return states(IDS, padding_mask=MASK, **segments)


def states_of(outputs):
    """A backbone's states of each token, of those that it gives."""
    if not isinstance(outputs, dict):
        return outputs
    return outputs.get("sequence_output", outputs.get("decoder_sequence_output"))


def assert_same(ours, theirs):
    np.testing.assert_allclose(np.asarray(ours)[MASK], np.asarray(theirs)[MASK], 1e-5, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "switches"), SWITCHES)
def test_the_states_are_those_of_keras_hub(hub, family, switches, tmp_path):
    model = backbone(hub, family, **switches)
    loaded = pretrained.load(saved(hub, tmp_path, family, model)).model
    assert_same(read(loaded, model), states_of(model(inputs_of(model))))
