"""Adapters trained here give the same logits in peft, and those of peft here."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

import torch  # noqa: E402

from benchmarks import parity  # noqa: E402
from tfzoo.models.adapters import add_adapters  # noqa: E402
from tfzoo.pretrained import read_adapter, read_model, write_adapter  # noqa: E402

pytestmark = pytest.mark.slow
IDS = np.random.default_rng(0).integers(5, 97, (2, 11)).astype("int32")
VARIANTS = {
    "gpt2": ("gpt2", "as published"),
    "llama": ("llama", "tied, linear angles, heads of 8"),
    "gpt2 labels": ("gpt2", "sequence classification"),
    "llama labels": ("llama", "sequence classification"),
    "bert labels": ("bert", "sequence classification"),
    "neox": ("gpt_neox", "as published"),
    "t5": ("t5", "1.1 and Flan"),
}
OURS = [
    ("gpt2", ()),
    ("gpt2", ("query_key_value", "block_1/.*/output")),
    ("gpt2 labels", ("query_key_value",)),
    ("llama", ()),
    ("llama", ("query", "value")),
    ("llama", ("query_key_value", "gate")),
    ("llama labels", ("key", "output")),
    ("bert labels", ("query", "value")),
    ("bert labels", ()),
    ("neox", ()),
    ("t5", ()),
    ("t5", ("query", "value")),
]
THEIRS = [
    ("gpt2", ["c_attn"], {}),
    ("gpt2", ["c_attn", "c_proj", "c_fc"], {"use_rslora": True}),
    ("gpt2 labels", ["c_attn"], {"task_type": "SEQ_CLS"}),
    ("llama", ["q_proj", "v_proj"], {"lora_alpha": 5}),
    ("llama", "all-linear", {"task_type": "CAUSAL_LM"}),
    ("llama labels", ["k_proj", "down_proj"], {"task_type": "SEQ_CLS"}),
    ("bert labels", ["query", "output.dense"], {"task_type": "SEQ_CLS"}),
    ("neox", ["query_key_value", "dense"], {}),
    ("t5", ["q", "v", "wo"], {"task_type": "SEQ_2_SEQ_LM"}),
]


def made(name, folder):
    """A model of transformers, and the folder where it is saved."""
    theirs = parity.their_model(*VARIANTS[name])
    theirs.save_pretrained(folder / "base")
    return theirs, folder / "base"


def our_logits(model):
    if "classification" in model.heads:
        return model.heads["classification"](model.pooled(model.hidden_states(IDS))).numpy()
    if model.kind == "encoder_decoder":
        return model(IDS, IDS).numpy()
    return model(IDS).numpy()


def their_logits(model):
    inputs = {"input_ids": torch.tensor(IDS, dtype=torch.long)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with torch.no_grad():
        return model.eval()(**inputs).logits.numpy()


def assert_same(ours, theirs):
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize(("name", "targets"), OURS)
def test_peft_reads_ours(name, targets, tmp_path):
    theirs, folder = made(name, tmp_path)
    model, _ = read_model(folder)
    before = our_logits(model)
    add_adapters(model, rank=3, alpha=7.0, targets=targets)
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape) / 5)
    (tmp_path / "adapter").mkdir()
    write_adapter(model, tmp_path / "adapter", base=str(folder))
    adapted = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter")
    assert_same(our_logits(model), their_logits(adapted))
    assert np.abs(our_logits(model) - before).max() > 1e-2
    twin, _ = read_model(folder)
    read_adapter(twin, tmp_path / "adapter")
    np.testing.assert_allclose(our_logits(twin), our_logits(model), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "targets", "options"), THEIRS)
def test_ours_reads_those_of_peft(name, targets, options, tmp_path):
    theirs, folder = made(name, tmp_path)
    config = peft.LoraConfig(r=3, target_modules=targets, **options)
    adapted = peft.get_peft_model(theirs, config)
    torch.manual_seed(1)
    for parameter_name, parameter in adapted.named_parameters():
        if "lora_" in parameter_name or "modules_to_save" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.1)
    adapted.save_pretrained(tmp_path / "adapter")
    model, _ = read_model(folder)
    before = our_logits(model)
    read_adapter(model, tmp_path / "adapter")
    assert_same(our_logits(model), their_logits(adapted))
    assert np.abs(our_logits(model) - before).max() > 1e-2
