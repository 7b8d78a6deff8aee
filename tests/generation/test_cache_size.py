"""The memory of a cache is what its tensors take."""

import pytest
import tensorflow as tf

from tests.generation.test_decoding import sampling
from tests.model_contract import SMALL
from tfzoo import kernels, models
from tfzoo.generation import Decoder, Writer
from tfzoo.generation.blocks import with_columns
from tfzoo.generation.cache_size import cache_bytes
from tfzoo.generation.decoder import cache_length


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "preset",
    ["llama_tiny", *(pytest.param(x, marks=pytest.mark.slow) for x in ("gpt2_tiny", "t5_tiny"))],
)
def test_it_is_what_decoding_keeps(preset, dtype):
    sizes = {**SMALL, "num_layers": 2, "num_heads": 2}
    model = models.from_preset(preset, dtype=dtype, **sizes)
    start = 0 if model.kind == "encoder_decoder" else None
    decoder = Decoder(Writer(model, 1, start))
    prompts = [[3, 4, 5], [6], [7, 8]]
    inputs, width, room = decoder._start(prompts, sampling(3, 4))
    states, fixed = decoder._prefill(inputs, False)
    with kernels.compiled(whole=True):
        states = [with_columns(state, fixed[0][0].shape[1], 1) for state in states]
    kept = tf.nest.flatten([(s.keys, s.values) for s in states])
    kept += [x for *_, memory in fixed for x in tf.nest.flatten(memory) if x.dtype != tf.bool]
    expected = cache_bytes(model, 4, cache_length(width + room))
    read = cache_bytes(model, 4, 0, cache_length(3)) if start == 0 else 0
    if dtype == "mixed_bfloat16" and not tf.config.list_physical_devices("GPU"):
        read *= 2  # In float32.
    assert sum(x.numpy().nbytes for x in kept) == expected + read > 0
