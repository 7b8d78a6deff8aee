"""T5, T5 1.1 and Flan-T5: `model_type` t5."""

from tfzoo.models.t5 import T5, T5Config
from tfzoo.pretrained.family import ACTIVATION_NAMES, ACTIVATIONS, Family
from tfzoo.pretrained.rules import Part, linear, linears, norm, table, tied

# Whether it is gated, and the activation.
_FEED_FORWARDS = {
    **{name: (False, ours) for name, ours in ACTIVATIONS.items()},
    **{f"gated-{name}": (True, ours) for name, ours in ACTIVATIONS.items()},
    "gated-gelu": (True, "gelu_tanh"),
}


def read_config(settings):
    settings.only(is_decoder=False, is_encoder_decoder=True)
    return T5Config(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=settings.take("n_positions", 512),
        hidden_dim=settings.number("d_model"),
        num_layers=settings.number("num_layers"),
        num_decoder_layers=settings.take("num_decoder_layers", settings.number("num_layers")),
        num_heads=settings.number("num_heads"),
        head_dim=settings.number("d_kv"),
        intermediate_dim=settings.number("d_ff"),
        num_buckets=settings.take("relative_attention_num_buckets", 32),
        max_distance=settings.take("relative_attention_max_distance", 128),
        norm_epsilon=settings.take("layer_norm_epsilon", 1e-6),
        dropout=settings.dropout("dropout_rate", 0.1),
        **_feed_forward(settings),
        **_output(settings),
    )


def _feed_forward(settings):
    """Of `feed_forward_proj`, unless the two keys that transformers makes of it tell otherwise."""
    gated, activation = settings.choose("feed_forward_proj", _FEED_FORWARDS, "relu")
    return {
        "gated": settings.switch("is_gated_act", gated),
        "activation": settings.choose("dense_act_fn", ACTIVATIONS, ACTIVATION_NAMES[activation]),
    }


def _output(settings):
    """transformers 5 ties what is there once, or twice alike, whatever the switch says."""
    said = settings.take("tie_word_embeddings", True)
    is_own = "lm_head.weight" in settings.tensors
    return {
        "tied_embeddings": not is_own or settings.same("lm_head.weight", "shared.weight"),
        "scaled_output": settings.switch("scale_decoder_outputs", said),
    }


def write_config(config):
    name = ACTIVATION_NAMES[config.feed_forward_activation]
    return {
        "is_encoder_decoder": True,
        "vocab_size": config.vocabulary_size,
        "n_positions": config.max_sequence_length,
        "d_model": config.hidden_dim,
        "num_layers": config.num_layers,
        "num_decoder_layers": config.num_decoder_layers or config.num_layers,
        "num_heads": config.num_heads,
        "d_kv": config.head_dim,
        "d_ff": config.intermediate_dim,
        "relative_attention_num_buckets": config.num_buckets,
        "relative_attention_max_distance": config.max_distance,
        "layer_norm_epsilon": config.norm_epsilon,
        "dropout_rate": config.dropout,
        "feed_forward_proj": f"gated-{name.removesuffix('_new')}" if config.gated else name,
        "dense_act_fn": name,
        "is_gated_act": config.gated,
        "tie_word_embeddings": config.tied_embeddings,
        "scale_decoder_outputs": config.scales_output,
    }


def parts(config):
    body = [
        table("shared", "token_embedding"),
        tied("encoder.embed_tokens", "token_embedding"),
        tied("decoder.embed_tokens", "token_embedding"),
        *_stack(config, "encoder", config.num_layers, writes=False),
        *_stack(config, "decoder", config.num_decoder_layers or config.num_layers, writes=True),
    ]
    output = table("lm_head", "output_table")
    if config.tied_embeddings:
        output = tied("lm_head", "token_embedding")
    return [
        Part(name="body", rules=tuple(body)),
        Part(name="language_model", rules=(output,), architecture="T5ForConditionalGeneration"),
    ]


def _stack(config, name, num_layers, writes):
    distances = f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias"
    rules = [
        table(distances, f"{name}/position_bias"),
        *norm(f"{name}.final_layer_norm", f"{name}/final_norm", bias=False),
    ]
    for i in range(num_layers):
        theirs, ours = f"{name}.block.{i}.layer", f"{name}/block_{i}"
        rules += _attention(config, f"{theirs}.0", ours)
        rules += _cross_attention(config, f"{theirs}.1", ours) if writes else []
        rules += _feed_forward_rules(config, f"{theirs}.{2 if writes else 1}", ours)
    return rules


def _attention(config, theirs, ours):
    width, attention = config.num_heads * config.head_dim, f"{theirs}.SelfAttention"
    return [
        *norm(f"{theirs}.layer_norm", f"{ours}/attention_norm", bias=False),
        *linears(
            [f"{attention}.{x}" for x in "qkv"],
            f"{ours}/attention/query_key_value",
            [width] * 3,
            bias=False,
        ),
        *linear(f"{attention}.o", f"{ours}/attention/output", bias=False),
    ]


def _cross_attention(config, theirs, ours):
    width, attention = config.num_heads * config.head_dim, f"{theirs}.EncDecAttention"
    ours_attention = f"{ours}/cross_attention"
    return [
        *norm(f"{theirs}.layer_norm", f"{ours}/cross_attention_norm", bias=False),
        *linear(f"{attention}.q", f"{ours_attention}/query", bias=False),
        *linears(
            [f"{attention}.{x}" for x in "kv"],
            f"{ours_attention}/key_value",
            [width] * 2,
            bias=False,
        ),
        *linear(f"{attention}.o", f"{ours_attention}/output", bias=False),
    ]


def _feed_forward_rules(config, theirs, ours):
    named = {"wi": "intermediate", "wo": "output"}
    if config.gated:
        named = {"wi_0": "gate", "wi_1": "intermediate", "wo": "output"}
    rules = norm(f"{theirs}.layer_norm", f"{ours}/feed_forward_norm", bias=False)
    for name, our_name in named.items():
        rules += linear(
            f"{theirs}.DenseReluDense.{name}", f"{ours}/feed_forward/{our_name}", bias=False
        )
    return rules


def ignored(config):
    del config
    unread = r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight"
    return {unread: "of the first files: what is read of the source has no distance"}


FAMILY = Family(
    model=T5,
    prefix="",
    architecture="T5Model",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=ignored,
)
