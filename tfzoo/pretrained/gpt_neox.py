"""GPT-NeoX and Pythia: `model_type` gpt_neox."""

import functools

import numpy as np

from tfzoo.models.gpt_neox import GPTNeoX, GPTNeoXConfig
from tfzoo.pretrained.decoder_heads import decoder_heads
from tfzoo.pretrained.family import ACTIVATION_NAMES, ACTIVATIONS, Family
from tfzoo.pretrained.rotary import read_rotary, write_rotary
from tfzoo.pretrained.rules import Part, Rule, linear, norm, table


def read_config(settings):
    settings.only(is_decoder=(False, True), is_encoder_decoder=False)
    return GPTNeoXConfig(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=settings.number("max_position_embeddings"),
        hidden_dim=settings.number("hidden_size"),
        num_layers=settings.number("num_hidden_layers"),
        num_heads=settings.number("num_attention_heads"),
        intermediate_dim=settings.number("intermediate_size"),
        activation=settings.choose("hidden_act", ACTIVATIONS, "gelu"),
        norm_epsilon=settings.take("layer_norm_eps", 1e-5),
        parallel=settings.take("use_parallel_residual", True),
        attention_bias=settings.take("attention_bias", True),
        tied_embeddings=settings.take("tie_word_embeddings", False),
        dropout=settings.dropout("hidden_dropout", 0.0),
        **_rotary(settings),
    )


def _rotary(settings):
    base = settings.take("rotary_emb_base", 10_000.0)
    fraction = settings.take("rotary_pct", 0.25)
    settings.only(rope_theta=base, partial_rotary_factor=fraction)  # Once more, in transformers 4.
    return read_rotary(settings, base, fraction)


def write_config(config):
    rotary = write_rotary(config)
    rotary["rope_parameters"]["partial_rotary_factor"] = config.rotary_fraction
    return {
        "vocab_size": config.vocabulary_size,
        "max_position_embeddings": config.max_sequence_length,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.intermediate_dim,
        "hidden_act": ACTIVATION_NAMES[config.activation],
        "layer_norm_eps": config.norm_epsilon,
        "use_parallel_residual": config.parallel,
        "attention_bias": config.attention_bias,
        "tie_word_embeddings": config.tied_embeddings,
        **dict.fromkeys(("hidden_dropout", "attention_dropout"), config.dropout),
        **rotary,
    }


def parts(config):
    body = [
        table("embed_in", "decoder/token_embedding"),
        *norm("final_layer_norm", "decoder/final_norm"),
    ]
    for i in range(config.num_layers):
        body += _layer(config, f"layers.{i}", f"decoder/block_{i}")
    heads = decoder_heads(config, "GPTNeoX", "ForCausalLM", "embed_out")
    return [Part(name="body", rules=tuple(body)), *heads]


def _layer(config, theirs, ours):
    attention, bias = f"{theirs}.attention", config.attention_bias
    return [
        *norm(f"{theirs}.input_layernorm", f"{ours}/attention_norm"),
        *_interleaved(config, f"{attention}.query_key_value", f"{ours}/attention/query_key_value"),
        *linear(f"{attention}.dense", f"{ours}/attention/output", bias=bias),
        *norm(f"{theirs}.post_attention_layernorm", f"{ours}/feed_forward_norm"),
        *linear(f"{theirs}.mlp.dense_h_to_4h", f"{ours}/feed_forward/intermediate"),
        *linear(f"{theirs}.mlp.dense_4h_to_h", f"{ours}/feed_forward/output"),
    ]


def _interleaved(config, theirs, ours):
    """Theirs has a head's query, key and value together, ours all queries, all keys, all values."""
    heads = config.num_heads
    apart = functools.partial(_swapped, outer=heads, inner=3)
    together = functools.partial(_swapped, outer=3, inner=heads)
    kernel = Rule(
        theirs=f"{theirs}.weight",
        ours=f"{ours}/kernel",
        to_ours=lambda x: apart(x).T,
        to_theirs=lambda x: together(x.T),
    )
    bias = Rule(theirs=f"{theirs}.bias", ours=f"{ours}/bias", to_ours=apart, to_theirs=together)
    return [kernel, bias] if config.attention_bias else [kernel]


def _swapped(x, outer, inner):
    """Rows of `outer` groups of `inner` parts, as `inner` groups of `outer` parts."""
    return np.swapaxes(x.reshape(outer, inner, -1, *x.shape[1:]), 0, 1).reshape(x.shape)


def ignored(config):
    del config
    layer = r"(gpt_neox\.)?layers\.\d+\.attention\."
    return {
        layer + r"(bias|masked_bias)": "the causal mask, no weight",
        rf"({layer}|(gpt_neox\.)?)rotary_emb\.inv_freq": "the angles of positions, in config.json",
    }


FAMILY = Family(
    model=GPTNeoX,
    prefix="gpt_neox.",
    architecture="GPTNeoXModel",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=ignored,
)
