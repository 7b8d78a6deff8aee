"""Tiny checkpoints in transformers' layout, made without torch."""

import json

import numpy as np
import safetensors.numpy

from tfzoo import models
from tfzoo.pretrained import write_model


def gpt2_model():
    """A tiny GPT-2 whose weights are all random, norms and biases too."""
    model = models.from_preset(
        "gpt2_tiny", vocabulary_size=31, hidden_dim=8, num_heads=2, max_sequence_length=12
    )
    draws = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(draws.normal(0.0, 0.3, variable.shape))
    return model


def write_gpt2(folder):
    """The model's folder, without a tokenizer."""
    folder.mkdir(exist_ok=True)
    model = gpt2_model()
    write_model(model, folder)
    return model


def change_tensors(folder, change):
    """Writes the tensors anew after `change(dict)`."""
    path = folder / "model.safetensors"
    arrays = safetensors.numpy.load_file(path)
    change(arrays)
    safetensors.numpy.save_file(arrays, path)


def into_shards(folder):
    """Two shards and their index, as transformers cuts large models."""
    arrays = safetensors.numpy.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(arrays)
    places = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        shard = f"model-0000{number}-of-00002.safetensors"
        safetensors.numpy.save_file({name: arrays[name] for name in part}, folder / shard)
        places |= dict.fromkeys(part, shard)
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
