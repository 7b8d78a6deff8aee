"""GPT-2 and DialoGPT: `model_type` gpt2."""

from tfzoo.errors import UsageError
from tfzoo.models.gpt2 import GPT2, GPT2Config
from tfzoo.pretrained.decoder_heads import decoder_heads
from tfzoo.pretrained.family import ACTIVATION_NAMES, ACTIVATIONS, Family
from tfzoo.pretrained.rules import Part, conv1d, norm, table


def read_config(settings):
    settings.only(
        scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False,
        add_cross_attention=False,
        is_decoder=(False, True),
        is_encoder_decoder=False,
    )
    return GPT2Config(
        vocabulary_size=settings.number("vocab_size"),
        max_sequence_length=settings.number("n_positions"),
        hidden_dim=settings.number("n_embd"),
        num_layers=settings.number("n_layer"),
        num_heads=settings.number("n_head"),
        intermediate_dim=settings.number_or_null("n_inner", None),
        activation=settings.choose("activation_function", ACTIVATIONS, "gelu_new"),
        norm_epsilon=settings.take("layer_norm_epsilon", 1e-5),
        tied_embeddings=settings.take("tie_word_embeddings", True),
        dropout=settings.dropout("resid_pdrop", 0.1),
    )


def write_config(config):
    if not config.use_bias:
        raise UsageError(
            "--model_dir: a GPT-2 with use_bias=false cannot be written for transformers, whose "
            "GPT-2 always has biases."
        )
    return {
        "vocab_size": config.vocabulary_size,
        "n_positions": config.max_sequence_length,
        "n_embd": config.hidden_dim,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_inner": config.intermediate_dim,
        "activation_function": ACTIVATION_NAMES[config.activation],
        "layer_norm_epsilon": config.norm_epsilon,
        "tie_word_embeddings": config.tied_embeddings,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout),
    }


def parts(config):
    body = [
        table("wte", "decoder/token_embedding"),
        table("wpe", "decoder/position_embedding"),
        *norm("ln_f", "decoder/final_norm"),
    ]
    for i in range(config.num_layers):
        theirs, ours = f"h.{i}", f"decoder/block_{i}"
        body += norm(f"{theirs}.ln_1", f"{ours}/attention_norm")
        body += conv1d(f"{theirs}.attn.c_attn", f"{ours}/attention/query_key_value")
        body += conv1d(f"{theirs}.attn.c_proj", f"{ours}/attention/output")
        body += norm(f"{theirs}.ln_2", f"{ours}/feed_forward_norm")
        body += conv1d(f"{theirs}.mlp.c_fc", f"{ours}/feed_forward/intermediate")
        body += conv1d(f"{theirs}.mlp.c_proj", f"{ours}/feed_forward/output")
    return [Part(name="body", rules=tuple(body)), *decoder_heads(config, "GPT2")]


def ignored(config):
    del config
    return {r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)": "the causal mask, no weight"}


FAMILY = Family(
    model=GPT2,
    prefix="transformer.",
    architecture="GPT2Model",
    read_config=read_config,
    write_config=write_config,
    parts=parts,
    ignored=ignored,
)
