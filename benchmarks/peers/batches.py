"""The same random tokens for every peer."""

import numpy as np


def training_batches(setting, num_batches=16):
    """Two int32 (num_batches, b, t) arrays: token ids and their targets."""
    shape = (num_batches, setting.batch_size, setting.sequence_length + 1)
    tokens = np.random.default_rng(0).integers(0, setting.vocabulary_size, shape, dtype=np.int32)
    return tokens[..., :-1], tokens[..., 1:]


def prompts(setting):
    """int32 (b, prompt_length)."""
    shape = (setting.batch_size, setting.prompt_length)
    return np.random.default_rng(0).integers(0, setting.vocabulary_size - 1, shape, dtype=np.int32)
