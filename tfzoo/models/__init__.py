"""Models: a family a file, all made of the same blocks."""

from tfzoo.models.gpt2 import GPT2, GPT2Config
from tfzoo.models.registry import (
    MODELS,
    PRESETS,
    count_parameters,
    from_preset,
    load_config,
    save_config,
)

__all__ = [
    "GPT2",
    "GPT2Config",
    "MODELS",
    "PRESETS",
    "count_parameters",
    "from_preset",
    "load_config",
    "save_config",
]
