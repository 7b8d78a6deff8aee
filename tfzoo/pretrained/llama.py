"""Llama and its kin: `model_type` llama (SmolLM2 too), mistral, qwen2, qwen3."""

import functools

from tfzoo.models.llama import Llama, LlamaConfig
from tfzoo.pretrained.decoder_heads import decoder_heads
from tfzoo.pretrained.family import Family
from tfzoo.pretrained.rotary import read_rotary, write_rotary
from tfzoo.pretrained.rules import Part, Rule, linear, linears, norm, table

# What transformers takes where a file leaves the key out.
_KEY_VALUE_HEADS = {"mistral": 8, "qwen2": 32, "qwen3": 32}
_HEAD_DIM = {"qwen3": 128}
_WINDOW = 4096


def read_config(settings, kind):
    settings.only(hidden_act=("silu", "swish"), is_decoder=(False, True), is_encoder_decoder=False)
    heads = settings.number("num_attention_heads")
    length = settings.number("max_position_embeddings")
    return LlamaConfig(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=length,
        hidden_dim=settings.number("hidden_size"),
        num_layers=settings.number("num_hidden_layers"),
        num_heads=heads,
        num_key_value_heads=settings.number_or_null(
            "num_key_value_heads", _KEY_VALUE_HEADS.get(kind)
        )
        or heads,
        head_dim=settings.number_or_null("head_dim", _HEAD_DIM.get(kind)),
        intermediate_dim=settings.number("intermediate_size"),
        norm_epsilon=settings.take("rms_norm_eps", 1e-6),
        tied_embeddings=settings.take("tie_word_embeddings", False),
        feed_forward_bias=settings.take("mlp_bias", False) if kind == "llama" else False,
        head_norm=kind == "qwen3",
        window=_window(settings, kind),
        **_biases(settings, kind),
        **read_rotary(settings, settings.take("rope_theta", 10_000.0)),
    )


def _biases(settings, kind):
    if kind in ("llama", "qwen3"):
        has = settings.take("attention_bias", False)
        return {"input_bias": has, "output_bias": has}
    return {"input_bias": kind == "qwen2", "output_bias": False}


def _window(settings, kind):
    """Tokens that each token reads; layers that differ in it are refused."""
    if kind == "llama":
        return None
    window = settings.number_or_null("sliding_window", _WINDOW)
    if kind == "mistral":
        return window
    layers = settings.number("num_hidden_layers")
    slides = settings.take("use_sliding_window", False)
    first = settings.take("max_window_layers", 28)
    by_default = [
        "full_attention" if i < first or not slides else "sliding_attention" for i in range(layers)
    ]
    kinds = settings.take("layer_types", by_default)
    if window is None or not slides:
        kinds = ["full_attention" if kind == "sliding_attention" else kind for kind in kinds]
    settings.refuse_unless(
        len(kinds) == layers and set(kinds) in ({"full_attention"}, {"sliding_attention"}),
        "layer_types",
        kinds,
        "all layers full_attention, or all sliding_attention",
    )
    return window if kinds[0] == "sliding_attention" else None


def write_config(config, kind):
    written = {
        "vocab_size": config.vocabulary_size,
        "max_position_embeddings": config.max_sequence_length,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_key_value_heads or config.num_heads,
        "head_dim": config.head_dim or config.hidden_dim // config.num_heads,
        "intermediate_size": config.intermediate_dim,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied_embeddings,
        "attention_dropout": config.dropout,
        **write_rotary(config),
    }
    if kind in ("llama", "qwen3"):
        written["attention_bias"] = config.input_bias
    if kind == "llama":
        written["mlp_bias"] = config.feed_forward_bias
    if kind == "mistral":
        written["sliding_window"] = config.window
    if kind in ("qwen2", "qwen3"):
        windowed = config.window is not None
        written["use_sliding_window"] = windowed
        written["sliding_window"] = config.window
        written["max_window_layers"] = 0 if windowed else config.num_layers
        layer_type = "sliding_attention" if windowed else "full_attention"
        written["layer_types"] = [layer_type] * config.num_layers
    return written


def holds(config, kind):
    """Whether transformers' class of this `model_type` has all that the configuration says."""
    is_qwen2 = config.input_bias and not config.output_bias
    biased_alike = config.input_bias == config.output_bias
    plain_feed_forward = not config.feed_forward_bias
    return {
        "llama": biased_alike and not config.head_norm and config.window is None,
        "mistral": not config.input_bias
        and not config.output_bias
        and not config.head_norm
        and plain_feed_forward,
        "qwen2": is_qwen2 and not config.head_norm and plain_feed_forward,
        "qwen3": biased_alike and config.head_norm and plain_feed_forward,
    }[kind]


def parts(config, name):
    body = [
        table("embed_tokens", "decoder/token_embedding"),
        *norm("norm", "decoder/final_norm", bias=False),
    ]
    for i in range(config.num_layers):
        body += _layer(config, f"layers.{i}", f"decoder/block_{i}")
    return [Part(name="body", rules=tuple(body)), *decoder_heads(config, name, "ForCausalLM")]


def _layer(config, theirs, ours):
    width = config.head_dim or config.hidden_dim // config.num_heads
    groups = config.num_key_value_heads or config.num_heads
    attention = f"{theirs}.self_attn"
    rules = [
        *norm(f"{theirs}.input_layernorm", f"{ours}/attention_norm", bias=False),
        *linears(
            [f"{attention}.{x}_proj" for x in "qkv"],
            f"{ours}/attention/query_key_value",
            [config.num_heads * width, groups * width, groups * width],
            bias=config.input_bias,
        ),
        *linear(f"{attention}.o_proj", f"{ours}/attention/output", bias=config.output_bias),
        *norm(f"{theirs}.post_attention_layernorm", f"{ours}/feed_forward_norm", bias=False),
    ]
    for their_name, our_name in (("gate", "gate"), ("up", "intermediate"), ("down", "output")):
        rules += linear(
            f"{theirs}.mlp.{their_name}_proj",
            f"{ours}/feed_forward/{our_name}",
            bias=config.feed_forward_bias,
        )
    if config.head_norm:
        for letter, our_name in (("q", "query"), ("k", "key")):
            rules.append(
                Rule(
                    theirs=f"{attention}.{letter}_norm.weight",
                    ours=f"{ours}/attention/{our_name}_norm/gamma",
                )
            )
    return rules


def ignored(config):
    del config
    angles = r"(model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq"
    return {angles: "the angles of positions, which config.json tells"}


def _family(kind, name):
    return Family(
        model=Llama,
        prefix="model.",
        architecture=f"{name}Model",
        read_config=functools.partial(read_config, kind=kind),
        write_config=functools.partial(write_config, kind=kind),
        parts=functools.partial(parts, name=name),
        ignored=ignored,
        holds=functools.partial(holds, kind=kind),
    )


FAMILIES = {
    "llama": _family("llama", "Llama"),
    "mistral": _family("mistral", "Mistral"),
    "qwen2": _family("qwen2", "Qwen2"),
    "qwen3": _family("qwen3", "Qwen3"),
}
