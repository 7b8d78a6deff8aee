"""GPT-2 and GPT-NeoX of keras-hub."""

import numpy as np

from tfzoo.pretrained.keras_hub_class import BackboneClass, Tensor, dense, norm, table


def _gpt2_config(backbone, tokenizer, fault):
    return {
        "vocab_size": backbone.vocabulary_size,
        "n_positions": backbone.max_sequence_length,
        "n_embd": backbone.hidden_dim,
        "n_layer": backbone.num_layers,
        "n_head": backbone.num_heads,
        "n_inner": backbone.intermediate_dim,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), backbone.dropout),
    }


def _gpt2_tensors(backbone, tokenizer):
    found = {
        **table("wte", backbone.token_embedding.embeddings),
        **table("wpe", backbone.position_embedding.position_embeddings),
        **norm("ln_f", backbone.layer_norm),
    }
    for i, layer in enumerate(backbone.transformer_layers):
        attention = layer._self_attention_layer
        found |= {
            **norm(f"h.{i}.ln_1", layer._self_attention_layer_norm),
            **_side_by_side(f"h.{i}.attn.c_attn", attention),
            **_conv1d(f"h.{i}.attn.c_proj", attention._output_dense),
            **norm(f"h.{i}.ln_2", layer._feedforward_layer_norm),
            **_conv1d(f"h.{i}.mlp.c_fc", layer._feedforward_intermediate_dense),
            **_conv1d(f"h.{i}.mlp.c_proj", layer._feedforward_output_dense),
        }
    return found


def _conv1d(name, layer):
    """transformers' Conv1D has a kernel of (inputs, outputs)."""
    return {
        f"{name}.weight": Tensor((layer.kernel,), lambda x: x.reshape(-1, x.shape[-1])),
        f"{name}.bias": Tensor((layer.bias,)),
    }


def _side_by_side(name, attention):
    layers = (attention._query_dense, attention._key_dense, attention._value_dense)
    return {
        f"{name}.weight": Tensor(
            tuple(layer.kernel for layer in layers),
            lambda *xs: np.concatenate([x.reshape(len(x), -1) for x in xs], axis=1),
        ),
        f"{name}.bias": Tensor(
            tuple(layer.bias for layer in layers),
            lambda *xs: np.concatenate([x.ravel() for x in xs]),
        ),
    }


def _gpt_neox_config(backbone, tokenizer, fault):
    return {
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": backbone.max_sequence_length,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "intermediate_size": backbone.intermediate_dim,
        "hidden_act": "gelu_new",
        "layer_norm_eps": backbone.layer_norm_epsilon,
        "use_parallel_residual": True,
        "tie_word_embeddings": True,
        "rotary_emb_base": float(backbone.rotary_max_wavelength),
        "rotary_pct": float(backbone.rotary_percentage),
        **dict.fromkeys(("hidden_dropout", "attention_dropout"), backbone.dropout),
    }


def _gpt_neox_tensors(backbone, tokenizer):
    found = {
        **table("embed_in", backbone.token_embedding.embeddings),
        **norm("final_layer_norm", backbone.layer_norm),
    }
    for i, layer in enumerate(backbone.transformer_layers):
        attention, name = layer._self_attention_layer, f"layers.{i}"
        found |= {
            **norm(f"{name}.input_layernorm", layer._self_attention_layer_norm),
            **dense(f"{name}.attention.query_key_value", attention._qkv_dense),
            **dense(f"{name}.attention.dense", attention._output_dense),
            **norm(f"{name}.post_attention_layernorm", layer._feedforward_layer_norm),
            **dense(f"{name}.mlp.dense_h_to_4h", layer._feedforward_intermediate_dense),
            **dense(f"{name}.mlp.dense_4h_to_h", layer._feedforward_output_dense),
        }
    return found


GPTS = {
    "GPT2Backbone": BackboneClass(
        model_type="gpt2",
        config=_gpt2_config,
        tensors=_gpt2_tensors,
        architecture="GPT2LMHeadModel",
        prefix="transformer.",
        output="lm_head",
    ),
    "GPTNeoXBackbone": BackboneClass(
        model_type="gpt_neox",
        config=_gpt_neox_config,
        tensors=_gpt_neox_tensors,
        architecture="GPTNeoXForCausalLM",
        prefix="gpt_neox.",
        output="embed_out",
    ),
}
