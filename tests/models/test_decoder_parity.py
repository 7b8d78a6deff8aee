"""GPT, GPT-NeoX and Llama's kin beside transformers' own, weight for weight (extra `[parity]`)."""

import re

import numpy as np
import pytest

from tfzoo import models

torch = pytest.importorskip("torch", reason="needs the extra [parity]")
transformers = pytest.importorskip("transformers", reason="needs the extra [parity]")
pytestmark = pytest.mark.slow

IDS = np.random.default_rng(0).integers(0, 97, (2, 17))
SIZES = {"vocabulary_size": 97, "num_layers": 3, "hidden_dim": 48, "num_heads": 4}
PEER_SIZES = {"vocab_size": 97, "num_hidden_layers": 3, "hidden_size": 48}
LLAMA = {**PEER_SIZES, "num_attention_heads": 4, "intermediate_size": 80, "rms_norm_eps": 1e-6}
GROUPED = {"num_key_value_heads": 2, "intermediate_dim": 80, "norm_epsilon": 1e-6}


def gpt():
    config = transformers.OpenAIGPTConfig(
        vocab_size=97, n_positions=32, n_embd=48, n_layer=3, n_head=4
    )
    ours = models.from_preset("gpt", max_sequence_length=32, **SIZES)
    return ours, transformers.OpenAIGPTLMHeadModel(config), GPT_NAMES


def gpt_neox():
    config = transformers.GPTNeoXConfig(
        **PEER_SIZES, num_attention_heads=4, intermediate_size=192, rotary_pct=0.5
    )
    ours = models.from_preset("pythia_14m", rotary_fraction=0.5, **SIZES)
    return ours, transformers.GPTNeoXForCausalLM(config), NEOX_NAMES


def llama():
    config = transformers.LlamaConfig(**LLAMA, num_key_value_heads=2, tie_word_embeddings=True)
    ours = models.from_preset("llama_tiny", **{**SIZES, **GROUPED})
    return ours, transformers.LlamaForCausalLM(config), LLAMA_NAMES


def mistral():
    config = transformers.MistralConfig(
        **LLAMA, num_key_value_heads=2, head_dim=12, sliding_window=5, attn_implementation="eager"
    )
    ours = models.from_preset("mistral_7b", **{**SIZES, **GROUPED, "window": 5})
    return ours, transformers.MistralForCausalLM(config), LLAMA_NAMES


def qwen2():
    config = transformers.Qwen2Config(**LLAMA, num_key_value_heads=2, tie_word_embeddings=True)
    ours = models.from_preset("qwen2_5_0_5b", **{**SIZES, **GROUPED, "rotary_base": 10_000.0})
    return ours, transformers.Qwen2ForCausalLM(config), LLAMA_NAMES


def qwen3():
    config = transformers.Qwen3Config(
        **LLAMA, num_key_value_heads=2, head_dim=20, tie_word_embeddings=True
    )
    ours = models.from_preset(
        "qwen3_0_6b", **{**SIZES, **GROUPED, "head_dim": 20, "rotary_base": 10_000.0}
    )
    return ours, transformers.Qwen3ForCausalLM(config), LLAMA_NAMES


# Our path below "decoder/", as a pattern, to the peer's names; several are joined in that order.
GPT_NAMES = {
    "token_embedding/embeddings": ["transformer.tokens_embed.weight"],
    "position_embedding/embeddings": ["transformer.positions_embed.weight"],
    "block_(.*)/attention/query_key_value/(.*)": ["transformer.h.{0}.attn.c_attn.{1}"],
    "block_(.*)/attention/output/(.*)": ["transformer.h.{0}.attn.c_proj.{1}"],
    "block_(.*)/attention_norm/(.*)": ["transformer.h.{0}.ln_1.{1}"],
    "block_(.*)/feed_forward/intermediate/(.*)": ["transformer.h.{0}.mlp.c_fc.{1}"],
    "block_(.*)/feed_forward/output/(.*)": ["transformer.h.{0}.mlp.c_proj.{1}"],
    "block_(.*)/feed_forward_norm/(.*)": ["transformer.h.{0}.ln_2.{1}"],
}
_NEOX = "gpt_neox.layers.{0}."
NEOX_NAMES = {
    "token_embedding/embeddings": ["gpt_neox.embed_in.weight"],
    "output_table/embeddings": ["lm_head.weight"],
    "final_norm/(.*)": ["gpt_neox.final_layer_norm.{0}"],
    "block_(.*)/attention/query_key_value/(.*)": [_NEOX + "attention.query_key_value.{1}"],
    "block_(.*)/attention/output/(.*)": [_NEOX + "attention.dense.{1}"],
    "block_(.*)/attention_norm/(.*)": [_NEOX + "input_layernorm.{1}"],
    "block_(.*)/feed_forward/intermediate/(.*)": [_NEOX + "mlp.dense_h_to_4h.{1}"],
    "block_(.*)/feed_forward/output/(.*)": [_NEOX + "mlp.dense_4h_to_h.{1}"],
    "block_(.*)/feed_forward_norm/(.*)": [_NEOX + "post_attention_layernorm.{1}"],
}
_LLAMA = "model.layers.{0}."
LLAMA_NAMES = {
    "token_embedding/embeddings": ["model.embed_tokens.weight"],
    "output_table/embeddings": ["lm_head.weight"],
    "final_norm/(.*)": ["model.norm.{0}"],
    "block_(.*)/attention/query_key_value/(.*)": [
        _LLAMA + f"self_attn.{part}_proj.{{1}}" for part in "qkv"
    ],
    "block_(.*)/attention/output/(.*)": [_LLAMA + "self_attn.o_proj.{1}"],
    "block_(.*)/attention/query_norm/(.*)": [_LLAMA + "self_attn.q_norm.{1}"],
    "block_(.*)/attention/key_norm/(.*)": [_LLAMA + "self_attn.k_norm.{1}"],
    "block_(.*)/attention_norm/(.*)": [_LLAMA + "input_layernorm.{1}"],
    "block_(.*)/feed_forward/gate/(.*)": [_LLAMA + "mlp.gate_proj.{1}"],
    "block_(.*)/feed_forward/intermediate/(.*)": [_LLAMA + "mlp.up_proj.{1}"],
    "block_(.*)/feed_forward/output/(.*)": [_LLAMA + "mlp.down_proj.{1}"],
    "block_(.*)/feed_forward_norm/(.*)": [_LLAMA + "post_attention_layernorm.{1}"],
}
LEAVES = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def stir(peer):
    """Weights of the peer far from where they start, so that each of them matters."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in peer.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return peer.eval()


def copy_weights(ours, peer, names):
    state = {name: value.detach().numpy() for name, value in peer.state_dict().items()}
    used = set()
    for weight in ours.weights:
        found = peer_names(weight.path.split("/decoder/")[1], names)
        weight.assign(arranged(weight, [state[name] for name in found], peer))
        used |= set(found)
    tied = {"lm_head.weight"} - used
    assert set(state) - used <= tied, set(state) - used


def peer_names(path, names):
    for pattern, found in names.items():
        if match := re.fullmatch(pattern, path):
            parts = [LEAVES.get(part, part) for part in match.groups()]
            return [name.format(*parts) for name in found]
    raise KeyError(path)


def arranged(weight, parts, peer):
    """The peer's matrices are (output, input), GPT's not; NeoX sets a head's q, k, v together."""
    value = np.concatenate(parts)
    if "query_key_value" in weight.path and isinstance(peer, transformers.GPTNeoXForCausalLM):
        value = np.swapaxes(value.reshape(4, 3, 12, -1), 0, 1).reshape(value.shape)
    is_turned = not isinstance(peer, transformers.OpenAIGPTLMHeadModel)
    return value.T if is_turned and weight.path.endswith("/kernel") else value


@pytest.mark.parametrize("make", [gpt, gpt_neox, llama, mistral, qwen2, qwen3])
def test_logits_are_those_of_transformers(make):
    ours, peer, names = make()
    copy_weights(ours, stir(peer), names)
    expected = peer(torch.tensor(IDS)).logits.detach().numpy()
    logits = np.asarray(ours(IDS.astype("int32")))
    assert np.abs(logits - expected).max() / np.abs(expected).max() < 1e-5


def count(peer_class, config):
    """Weights of a peer that is not allocated, tied ones once."""
    with torch.device("meta"):
        peer = peer_class(config)
    peer.tie_weights()
    return sum(weight.numel() for weight in peer.parameters())


def neox_config(config):
    return transformers.GPTNeoXConfig(
        vocab_size=config.vocabulary_size,
        hidden_size=config.hidden_dim,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        intermediate_size=config.intermediate_dim,
    )


def llama_config(config, config_class):
    return config_class(
        vocab_size=config.vocabulary_size,
        hidden_size=config.hidden_dim,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_key_value_heads,
        head_dim=config.head_dim or config.hidden_dim // config.num_heads,
        intermediate_size=config.intermediate_dim,
        tie_word_embeddings=config.tied_embeddings,
    )


LLAMA_CLASSES = {
    "llama_3_2_1b": "Llama",
    "smollm2_135m": "Llama",
    "mistral_7b": "Mistral",
    "qwen2_5_0_5b": "Qwen2",
    "qwen3_0_6b": "Qwen3",
}


@pytest.mark.parametrize("preset", LLAMA_CLASSES)
def test_llamas_count_what_transformers_counts(preset):
    name = LLAMA_CLASSES[preset]
    config_class = getattr(transformers, f"{name}Config")
    config = llama_config(models.PRESETS[preset][1], config_class)
    counted = count(getattr(transformers, f"{name}ForCausalLM"), config)
    assert models.count_parameters(preset) == counted


@pytest.mark.parametrize("preset", models.GPTNeoX.presets)
def test_neoxes_count_what_transformers_counts(preset):
    config = neox_config(models.GPTNeoX.presets[preset])
    assert models.count_parameters(preset) == count(transformers.GPTNeoXForCausalLM, config)


def test_gpts_count_what_transformers_counts():
    gpt = count(transformers.OpenAIGPTModel, transformers.OpenAIGPTConfig())
    assert models.count_parameters("gpt") == gpt
    for preset, config in models.GPT2.presets.items():
        peer = transformers.GPT2Config(
            n_embd=config.hidden_dim,
            n_layer=config.num_layers,
            n_head=config.num_heads,
            n_positions=config.max_sequence_length,
        )
        assert models.count_parameters(preset) == count(transformers.GPT2LMHeadModel, peer)
