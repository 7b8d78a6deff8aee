"""Each family's numbers are those of transformers, and what is read is written bit for bit."""

import re

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from benchmarks import parity  # noqa: E402
from tfzoo.layers.heads import ClassificationHead  # noqa: E402
from tfzoo.pretrained import FAMILIES, read_model, write_model  # noqa: E402

pytestmark = pytest.mark.slow
ALL = [(family, variant) for family, variants in parity.VARIANTS.items() for variant in variants]


@pytest.mark.parametrize(("family", "variant"), ALL)
def test_logits(family, variant, tmp_path):
    theirs = parity.their_model(family, variant)
    theirs.save_pretrained(tmp_path)
    assert parity.largest_difference(theirs, tmp_path) <= 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("family", "variant"), ALL)
def test_read_then_written_is_the_same(family, variant, dtype, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    parity.their_model(family, variant).to(dtype).save_pretrained(there)
    back.mkdir()
    model, published = read_model(there)
    write_model(model, back, published)
    assert (back / "config.json").read_text() == (there / "config.json").read_text()
    ours, theirs = (safetensors.torch.load_file(x / "model.safetensors") for x in (back, there))
    ignored = "|".join(FAMILIES[family].ignored(model.config)) or "none"
    left_out = theirs.keys() - ours.keys()
    assert ours.keys() <= theirs.keys() and all(re.fullmatch(ignored, x) for x in left_out)
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype
        np.testing.assert_array_equal(*(x[name].float().numpy() for x in (ours, theirs)))


@pytest.mark.parametrize(("family", "variant"), ALL)
def test_transformers_reads_what_is_written_of_a_model_of_our_own(family, variant, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    theirs = parity.their_model(family, variant)
    theirs.save_pretrained(there)
    back.mkdir()
    write_model(read_model(there)[0], back)
    read_again = type(theirs).from_pretrained(back).eval()
    read_again.config.pad_token_id = 0  # A tokenizer's, which is not written here.
    assert parity.largest_difference(read_again, there) <= 1e-5


@pytest.mark.parametrize(
    ("family", "variant"), [(family, variant) for family, variant in ALL if "states" in variant]
)
def test_transformers_reads_a_head_that_was_added(family, variant, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    parity.their_model(family, variant).save_pretrained(there)
    back.mkdir()
    model, published = read_model(there)
    model.add_head("classification", ClassificationHead(3))
    write_model(model, back, published)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(back).eval()
    assert parity.largest_difference(theirs, back) <= 1e-5
