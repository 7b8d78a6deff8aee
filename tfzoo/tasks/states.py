"""A model run on a batch: each kind is called with what it takes."""

INPUTS = {
    "decoder": ("padding_mask", "document_ids"),
    "encoder": ("segment_ids", "padding_mask", "document_ids"),
    "encoder_decoder": ("decoder_token_ids", "padding_mask", "decoder_padding_mask"),
}


def hidden_states(model, batch, training=None):
    """The model's states of a batch's tokens, float (b, t, m), in the compute dtype."""
    inputs = {name: batch[name] for name in INPUTS[model.kind] if name in batch}
    return model.hidden_states(batch["token_ids"], training=training, **inputs)
