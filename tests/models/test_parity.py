"""GPT-2 beside transformers' own, with the same random weights (extra `[parity]`)."""

import numpy as np
import pytest

from tfzoo import models

torch = pytest.importorskip("torch", reason="needs the extra [parity]")
transformers = pytest.importorskip("transformers", reason="needs the extra [parity]")
pytestmark = pytest.mark.slow

IDS = np.random.default_rng(0).integers(0, 97, (2, 17))


def peer():
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=97, n_positions=32, n_embd=48, n_layer=3, n_head=4, initializer_range=0.2
    )
    return transformers.GPT2LMHeadModel(config).eval()


def with_weights_of(peer):
    """Our model with the peer's weights; both keep matrices as (input, output)."""
    model = models.GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=97,
        max_sequence_length=32,
        hidden_dim=48,
        num_layers=3,
        num_heads=4,
    )
    state = {name: value.detach().numpy() for name, value in peer.state_dict().items()}
    for weight in model.weights:
        weight.assign(state[_peer_name(weight.path)])
    return model


def _peer_name(path):
    names = {
        "token_embedding/embeddings": "wte.weight",
        "position_embedding/embeddings": "wpe.weight",
        "attention/query_key_value": "attn.c_attn",
        "attention/output": "attn.c_proj",
        "feed_forward/intermediate": "mlp.c_fc",
        "feed_forward/output": "mlp.c_proj",
        "attention_norm/gamma": "ln_1.weight",
        "attention_norm/beta": "ln_1.bias",
        "feed_forward_norm/gamma": "ln_2.weight",
        "feed_forward_norm/beta": "ln_2.bias",
        "final_norm/gamma": "ln_f.weight",
        "final_norm/beta": "ln_f.bias",
        "block_": "h.",
        "kernel": "weight",
    }
    path = path.removeprefix("gpt2/decoder/")
    for ours, theirs in names.items():
        path = path.replace(ours, theirs)
    return "transformer." + path.replace("/", ".")


def test_logits_are_those_of_transformers():
    reference = peer()
    expected = reference(torch.tensor(IDS)).logits.detach().numpy()
    logits = with_weights_of(reference)(IDS.astype("int32"))
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-4)


def test_greedy_text_is_that_of_transformers():
    reference = peer()
    expected = reference.generate(
        torch.tensor(IDS[:1]), max_new_tokens=12, do_sample=False, pad_token_id=0
    ).numpy()
    model = with_weights_of(reference)
    cache = model.new_cache(1, 32)
    logits = model(IDS[:1].astype("int32"), cache=cache)
    tokens = []
    for _ in range(12):
        tokens.append(int(np.argmax(logits[0, -1])))
        logits = model(np.array([tokens[-1:]], "int32"), cache=cache)
    assert tokens == expected[0, IDS.shape[1] :].tolist()
