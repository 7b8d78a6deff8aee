"""A decoder's file may have its tied table twice: then it is the same, and comes back twice."""

import numpy as np
import pytest
import safetensors.numpy

from tests.model_contract import SMALL
from tfzoo import models
from tfzoo.errors import UsageError
from tfzoo.pretrained import read_model, write_model


@pytest.fixture(params=["gpt2_tiny", "llama_tiny"])
def folder(request, tmp_path):
    model = models.from_preset(request.param, **SMALL, tied_embeddings=True)
    write_model(model, tmp_path)
    return tmp_path


def save_with_table(folder, factor):
    """Adds an output table: that of the tokens times a factor."""
    path = folder / "model.safetensors"
    arrays = safetensors.numpy.load_file(path)
    [name] = [x for x in arrays if x.endswith(("wte.weight", "embed_tokens.weight"))]
    safetensors.numpy.save_file({**arrays, "lm_head.weight": factor * arrays[name]}, path)
    return arrays.keys() | {"lm_head.weight"}


def test_it_is_written_as_often_as_it_was_read(folder, tmp_path):
    names = save_with_table(folder, 1.0)
    model, published = read_model(folder)
    (tmp_path / "again").mkdir()
    write_model(model, tmp_path / "again", published)
    again = safetensors.numpy.load_file(tmp_path / "again" / "model.safetensors")
    assert again.keys() == names
    np.testing.assert_array_equal(again["lm_head.weight"], model.output_weights())


def test_another_table_is_named(folder):
    save_with_table(folder, 2.0)
    with pytest.raises(UsageError, match="lm_head.weight of other numbers than what config.json"):
        read_model(folder)
