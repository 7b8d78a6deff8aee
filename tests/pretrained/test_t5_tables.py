"""T5's output table: tied where the file has it once or twice alike, else one of its own."""

import json

import numpy as np
import pytest
import safetensors.numpy

from tests.model_contract import SMALL, stirred
from tfzoo import models
from tfzoo.pretrained import read_model, write_model


@pytest.fixture
def folder(tmp_path):
    write_model(stirred(models.from_preset("t5_tiny", **SMALL)), tmp_path)
    return tmp_path


def add_table(folder, factor, **switches):
    path = folder / "model.safetensors"
    arrays = safetensors.numpy.load_file(path)
    arrays["lm_head.weight"] = factor * arrays["shared.weight"]
    safetensors.numpy.save_file(arrays, path)
    config = json.loads((folder / "config.json").read_text())
    del config["scale_decoder_outputs"]
    (folder / "config.json").write_text(json.dumps(config | switches))
    return arrays


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(("factor", "tied"), [(1.0, True), (2.0, False)])
def test_the_numbers_tell_whether_it_is_tied_and_the_switch_how_it_is_scaled(
    folder, factor, tied, said, tmp_path
):
    arrays = add_table(folder, factor, tie_word_embeddings=said)
    model, published = read_model(folder)
    assert (model.config.tied_embeddings, model.config.scales_output) == (tied, said)
    np.testing.assert_array_equal(model.output_weights(), arrays["lm_head.weight"])
    (tmp_path / "back").mkdir()
    write_model(model, tmp_path / "back", published)
    again = safetensors.numpy.load_file(tmp_path / "back" / "model.safetensors")
    assert again.keys() == arrays.keys()
    assert json.loads((tmp_path / "back" / "config.json").read_text()) == published.config
