"""keras-hub's GPT-2 of a setting's shape."""

import keras
import keras_hub


def gpt2_causal_lm(setting):
    """A GPT2CausalLM with random weights, tied head, no dropout and no preprocessor."""
    keras.config.set_dtype_policy(setting.keras_dtype)
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=setting.vocabulary_size,
        num_layers=setting.num_layers,
        num_heads=setting.num_heads,
        hidden_dim=setting.hidden_dim,
        intermediate_dim=4 * setting.hidden_dim,
        max_sequence_length=setting.sequence_length,
        dropout=0.0,
    )
    return keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
