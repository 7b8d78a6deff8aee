"""A preset of keras-hub is read with the numbers that it has there."""

import numpy as np
import pytest

from tfzoo import pretrained, tokenizers
from tfzoo.errors import UsageError

TEXTS = ["hello world, the quick brown fox", "a fox, a fox!"]


@pytest.mark.slow
def test_gpt2(tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    ours = tokenizers.train("byte_pair", TEXTS * 9, 300)
    ours.save(tmp_path / "tokenizer")
    files = [str(tmp_path / "tokenizer" / name) for name in ("vocab.json", "merges.txt")]
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=ours.vocabulary_size, max_sequence_length=24, **sizes
    )
    draws = np.random.default_rng(0)
    for weight in backbone.weights:
        weight.assign(0.3 * draws.normal(size=weight.shape))
    backbone.save_to_preset(tmp_path / "preset")
    keras_hub.tokenizers.GPT2Tokenizer(*files).save_to_preset(tmp_path / "preset")
    loaded = pretrained.load(f"keras_hub:{tmp_path / 'preset'}")
    assert loaded.tokenizer.encode_batch(TEXTS) == ours.encode_batch(TEXTS)
    token_ids = draws.integers(0, ours.vocabulary_size, (2, 9), dtype=np.int32)
    theirs = backbone({"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)})
    found = loaded.model.hidden_states(token_ids)
    np.testing.assert_allclose(found, theirs, rtol=1e-5, atol=1e-5)


def test_a_preset_that_is_none(tmp_path):
    with pytest.raises(UsageError, match="keras_hub:.*none"):
        pretrained.load(f"keras_hub:{tmp_path / 'none'}")
