"""GPT, the first: `model_type` openai-gpt."""

from tfzoo.errors import UsageError
from tfzoo.models.gpt import GPT, GPTConfig
from tfzoo.pretrained.decoder_heads import decoder_heads
from tfzoo.pretrained.family import Family
from tfzoo.pretrained.rules import Part, conv1d, norm, table

# Of `afn`, which has names of its own: its "gelu" is the tanh form.
_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu", "silu": "silu", "swish": "silu"}
_NAMES = {"gelu_tanh": "gelu", "relu": "relu", "silu": "silu"}


def read_config(settings):
    settings.only(is_decoder=(False, True), is_encoder_decoder=False)
    return GPTConfig(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=settings.number("n_positions"),
        hidden_dim=settings.number("n_embd"),
        num_layers=settings.number("n_layer"),
        num_heads=settings.number("n_head"),
        activation=settings.choose("afn", _ACTIVATIONS, "gelu"),
        norm_epsilon=settings.take("layer_norm_epsilon", 1e-5),
        tied_embeddings=settings.take("tie_word_embeddings", True),
        dropout=settings.dropout("resid_pdrop", 0.1),
    )


def write_config(config):
    if config.intermediate_dim != 4 * config.hidden_dim or config.activation not in _NAMES:
        raise UsageError(
            "--model_dir: a GPT whose feed-forward is not 4 hidden_dim wide, or has an exact GELU, "
            "cannot be written for transformers, whose GPT has no such switch. Received: "
            f"intermediate_dim={config.intermediate_dim}, activation={config.activation}."
        )
    return {
        "vocab_size": config.vocabulary_size,
        "n_positions": config.max_sequence_length,
        "n_embd": config.hidden_dim,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "afn": _NAMES[config.activation],
        "layer_norm_epsilon": config.norm_epsilon,
        "tie_word_embeddings": config.tied_embeddings,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout),
    }


def parts(config):
    body = [
        table("tokens_embed", "decoder/token_embedding"),
        table("positions_embed", "decoder/position_embedding"),
    ]
    for i in range(config.num_layers):
        theirs, ours = f"h.{i}", f"decoder/block_{i}"
        body += conv1d(f"{theirs}.attn.c_attn", f"{ours}/attention/query_key_value")
        body += conv1d(f"{theirs}.attn.c_proj", f"{ours}/attention/output")
        body += norm(f"{theirs}.ln_1", f"{ours}/attention_norm")
        body += conv1d(f"{theirs}.mlp.c_fc", f"{ours}/feed_forward/intermediate")
        body += conv1d(f"{theirs}.mlp.c_proj", f"{ours}/feed_forward/output")
        body += norm(f"{theirs}.ln_2", f"{ours}/feed_forward_norm")
    return [Part(name="body", rules=tuple(body)), *decoder_heads(config, "OpenAIGPT")]


def ignored(config):
    del config
    return {
        r"(transformer\.)?h\.\d+\.attn\.bias": "the causal mask, no weight",
        r"(transformer\.)?position_ids": "0, 1, 2, ..., no weight",
    }


FAMILY = Family(
    model=GPT,
    prefix="transformer.",
    architecture="OpenAIGPTModel",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=ignored,
)
