"""Llama and its kin of keras-hub: Llama 3, Mistral, Qwen and Qwen3."""

import functools

from absl import logging

from tfzoo.pretrained.keras_hub_class import BackboneClass, dense, joined, root_mean_square, table

# keras-hub does not record how long a text may be where positions have no table: as published.
_LENGTHS = {"LlamaBackbone": 4096, "Llama3Backbone": 8192}
_LONG_LLAMA, _MISTRAL, _QWEN2, _QWEN3 = 131_072, 32_768, 32_768, 40_960
_HEAD_EPSILON, _PUBLISHED_EPSILON = 1e-5, 1e-6  # of Qwen3


def _llama_sizes(backbone, length):
    """What Llama and its kin have in common; `length` is of the longest text."""
    return {
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": length,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_query_heads,
        "num_key_value_heads": backbone.num_key_value_heads,
        "intermediate_size": backbone.intermediate_dim,
        "hidden_act": "silu",
        "rms_norm_eps": backbone.layer_norm_epsilon,
        "tie_word_embeddings": backbone.token_embedding.tie_weights,
        "attention_dropout": backbone.dropout,
        "rope_theta": float(backbone.rope_max_wavelength),
    }


def _scaled(backbone):
    if backbone.rope_scaling_factor == 1:
        return {}
    scaling = {"rope_type": "linear", "factor": float(backbone.rope_scaling_factor)}
    return {"rope_scaling": scaling}


def _llama_config(backbone, tokenizer, fault):
    if backbone.rope_position_scaling_factor != 1:
        raise fault(
            f"has rope_position_scaling_factor={backbone.rope_position_scaling_factor}, which "
            "keras-hub takes and does not compute with",
            "Set it to 1.0 in config.json for the numbers that keras-hub gives",
        )
    if backbone.rope_frequency_adjustment_factor is None:
        return _llama_sizes(backbone, _LENGTHS[type(backbone).__name__])
    return {
        **_llama_sizes(backbone, _LONG_LLAMA),
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": float(backbone.rope_frequency_adjustment_factor),
            "low_freq_factor": float(backbone.rope_low_freq_factor),
            "high_freq_factor": float(backbone.rope_high_freq_factor),
            "original_max_position_embeddings": backbone.rope_pretraining_sequence_length,
        },
    }


def _mistral_config(backbone, tokenizer, fault):
    return {
        **_llama_sizes(backbone, _MISTRAL),
        **_scaled(backbone),
        "head_dim": backbone.head_dim,
        "sliding_window": backbone.sliding_window,
    }


def _qwen2_config(backbone, tokenizer, fault):
    window = backbone.sliding_window_size if backbone.use_sliding_window_attention else None
    return {**_llama_sizes(backbone, _QWEN2), **_scaled(backbone), **_windowed(window)}


def _qwen3_config(backbone, tokenizer, fault):
    _check_head_epsilon(backbone.layer_norm_epsilon, fault)
    return {
        **_llama_sizes(backbone, _QWEN3),
        **_scaled(backbone),
        **_windowed(backbone.sliding_window_size or None),
        "head_dim": backbone.head_dim,
    }


def _check_head_epsilon(epsilon, fault):
    """keras-hub normalizes the queries and keys of Qwen3 with its layer's default, whatever."""
    if epsilon not in (_HEAD_EPSILON, _PUBLISHED_EPSILON):
        raise fault(
            f"has layer_norm_epsilon={epsilon}, with which keras-hub normalizes all but queries "
            f"and keys, for which it takes {_HEAD_EPSILON}",
            f"Set it to {_HEAD_EPSILON}, or to the published {_PUBLISHED_EPSILON}, in config.json",
        )
    if epsilon != _HEAD_EPSILON:
        logging.warning(
            "keras-hub normalizes the queries and keys of Qwen3 with an epsilon of %s. Here it is "
            "%s, as in the published model: numbers differ in about the fifth digit.",
            _HEAD_EPSILON,
            epsilon,
        )


def _windowed(window):
    """All layers slide, or none."""
    layers = {} if window is None else {"max_window_layers": 0}
    return {"use_sliding_window": window is not None, "sliding_window": window, **layers}


def _llama_tensors(backbone, tokenizer):
    found = {
        **table("embed_tokens", backbone.token_embedding.embeddings),
        **root_mean_square("norm", backbone.layer_norm),
    }
    for i, layer in enumerate(backbone.transformer_layers):
        found |= _llama_layer(f"layers.{i}", layer)
    return found


def _llama_layer(name, layer):
    attention, theirs = f"{name}.self_attn", layer._self_attention_layer
    found = {
        **root_mean_square(f"{name}.input_layernorm", layer._self_attention_layernorm),
        **dense(f"{attention}.q_proj", theirs._query_dense),
        **dense(f"{attention}.k_proj", theirs._key_dense),
        **dense(f"{attention}.v_proj", theirs._value_dense),
        **joined(f"{attention}.o_proj", theirs._output_dense),
        **root_mean_square(f"{name}.post_attention_layernorm", layer._feedforward_layernorm),
        **dense(f"{name}.mlp.gate_proj", layer._feedforward_gate_dense),
        **dense(f"{name}.mlp.up_proj", layer._feedforward_intermediate_dense),
        **dense(f"{name}.mlp.down_proj", layer._feedforward_output_dense),
    }
    if hasattr(theirs, "_query_dense_layer_norm"):
        found |= root_mean_square(f"{attention}.q_norm", theirs._query_dense_layer_norm)
        found |= root_mean_square(f"{attention}.k_norm", theirs._key_dense_layer_norm)
    return found


_llama = functools.partial(BackboneClass, tensors=_llama_tensors, prefix="model.", output="lm_head")

LLAMAS = {
    "LlamaBackbone": _llama(
        model_type="llama", config=_llama_config, architecture="LlamaForCausalLM"
    ),
    "Llama3Backbone": _llama(
        model_type="llama", config=_llama_config, architecture="LlamaForCausalLM"
    ),
    "MistralBackbone": _llama(
        model_type="mistral", config=_mistral_config, architecture="MistralForCausalLM"
    ),
    "QwenBackbone": _llama(
        model_type="qwen2", config=_qwen2_config, architecture="Qwen2ForCausalLM"
    ),
    "Qwen3Backbone": _llama(
        model_type="qwen3", config=_qwen3_config, architecture="Qwen3ForCausalLM"
    ),
}
