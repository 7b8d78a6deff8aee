"""Presets of keras-hub, by way of the files that keras-hub writes for transformers."""

from tfzoo.errors import UsageError

PREFIX = "keras_hub:"


def write_preset(name: str, folder, flag: str = "--from") -> None:
    """Writes the backbone and the tokenizer of a preset as a folder of transformers.

    Args:
        name: str, "keras_hub:" and a preset's folder, or its name where keras-hub can fetch it.
        folder: path of a folder that is there.
        flag: str, what gave the name, for messages.

    Raises:
        UsageError: if keras-hub is not installed, cannot load the preset, or does not write its
            class for transformers.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise UsageError(
            f"{flag}={name} needs keras-hub: pip install 'tfzoo[keras_hub]'. ({error})"
        ) from error
    preset = name.removeprefix(PREFIX)
    try:
        backbone = keras_hub.models.Backbone.from_preset(preset, dtype="float32")
        tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(preset)
        backbone.export_to_transformers(folder)
        tokenizer.export_to_transformers(folder)
    except Exception as error:  # Each class fails in its own way: no network, no such preset.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{flag}={name}: keras-hub could not load it or write it for transformers "
            f"({reason[0][:200]}). It does so for GPT-2, Llama 3, Mistral and Qwen; give a folder "
            "of transformers for other models."
        ) from error
