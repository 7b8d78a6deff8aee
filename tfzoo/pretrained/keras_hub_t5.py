"""The T5 of keras-hub."""

import keras

from tfzoo.pretrained.keras_hub_class import BackboneClass, dense, root_mean_square, table

_APPROXIMATE = "keras_hub>gelu_approximate"  # keras-hub's own


def _config(backbone, tokenizer, fault):
    activation = _activation(backbone, fault)
    kind = activation.removesuffix("_new")
    gated = backbone.use_gated_activation
    return {
        "is_encoder_decoder": True,
        "vocab_size": backbone.vocabulary_size,
        "d_model": backbone.hidden_dim,
        "num_layers": backbone.num_layers,
        "num_decoder_layers": backbone.num_layers,
        "num_heads": backbone.num_heads,
        "d_kv": backbone.key_value_dim or backbone.hidden_dim // backbone.num_heads,
        "d_ff": backbone.intermediate_dim,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "layer_norm_epsilon": backbone.layer_norm_epsilon,
        "dropout_rate": backbone.dropout,
        "feed_forward_proj": f"gated-{kind}" if gated else activation,
        "dense_act_fn": activation,
        "is_gated_act": gated,
        "tie_word_embeddings": backbone.tie_embedding_weights,
    }


def _activation(backbone, fault):
    """transformers' name of it."""
    known = {
        keras.activations.relu: "relu",
        keras.activations.gelu: "gelu",
        keras.activations.silu: "silu",
        keras.saving.get_registered_object(_APPROXIMATE): "gelu_new",
    }
    if backbone.activation not in known:
        name = getattr(backbone.activation, "__name__", backbone.activation)
        raise fault(
            f"has activation={name!r}, and known are relu, gelu, silu and {_APPROXIMATE}",
            "Give a T5 with one of these",
        )
    return known[backbone.activation]


def _tensors(backbone, tokenizer):
    layers = {
        "encoder": backbone.encoder_transformer_layers,
        "decoder": backbone.decoder_transformer_layers,
    }
    found = {
        **table("shared", backbone.token_embedding.embeddings),
        **root_mean_square("encoder.final_layer_norm", backbone.encoder_layer_norm),
        **root_mean_square("decoder.final_layer_norm", backbone.decoder_layer_norm),
    }
    for stack, blocks in layers.items():
        bias = blocks[0].self_attention.relative_attention_bias
        name = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"
        found |= table(name, bias)
        for i, block in enumerate(blocks):
            found |= _block(f"{stack}.block.{i}.layer", block)
    return found


def _block(name, block):
    found = {
        **_attention(f"{name}.0.SelfAttention", block.self_attention),
        **root_mean_square(f"{name}.0.layer_norm", block.self_attention_layer_norm),
    }
    if block.is_decoder:
        found |= _attention(f"{name}.1.EncDecAttention", block.cross_attention)
        found |= root_mean_square(f"{name}.1.layer_norm", block.cross_attention_layer_norm)
    last = f"{name}.{2 if block.is_decoder else 1}"
    return {
        **found,
        **root_mean_square(f"{last}.layer_norm", block.layer_norm),
        **_feed_forward(f"{last}.DenseReluDense", block),
    }


def _attention(name, attention):
    return {
        **dense(f"{name}.q", attention.query_projector),
        **dense(f"{name}.k", attention.key_projector),
        **dense(f"{name}.v", attention.value_projector),
        **dense(f"{name}.o", attention.output_projector),
    }


def _feed_forward(name, block):
    output = dense(f"{name}.wo", block.output_projector)
    if not block.use_gated_activation:
        return {**dense(f"{name}.wi", block.input_projector), **output}
    return {
        **dense(f"{name}.wi_0", block.input_projector),
        **dense(f"{name}.wi_1", block.gate_projector),
        **output,
    }


T5 = BackboneClass(
    model_type="t5",
    config=_config,
    tensors=_tensors,
    architecture="T5ForConditionalGeneration",
    output="lm_head",
)
