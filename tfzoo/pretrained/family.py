"""What a family of published checkpoints is: its configuration and its tensors, as ours."""

import dataclasses
from collections.abc import Callable

from tfzoo.pretrained.rules import Part
from tfzoo.pretrained.settings import Settings

# By transformers' names. Its fast and its accurate GELU are the tanh form written otherwise.
ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_python": "gelu_erf",
    "gelu_python_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
ACTIVATION_NAMES = {"gelu_erf": "gelu", "gelu_tanh": "gelu_new", "relu": "relu", "silu": "silu"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """A `model_type` of transformers.

    Attributes:
        model: our class.
        prefix: str, what stands before the body's names in a file with heads, not in one without.
        architecture: str, the class of transformers that is the body alone.
        read_config: function of `Settings` to our configuration record.
        write_config: function of our configuration record to the keys of `config.json` that
            `read_config` takes.
        parts: function of our configuration record to the list of `Part`, the body first.
        ignored: function of our configuration record to a dict: regular expressions of names that
            are left out, to the reason why.
        holds: function of our configuration record. Whether a model of it is written as this
            `model_type`, where several share a class of ours: the first one that holds it.
    """

    model: type
    prefix: str
    architecture: str
    read_config: Callable[[Settings], object]
    write_config: Callable[[object], dict]
    parts: Callable[[object], list[Part]]
    ignored: Callable[[object], dict[str, str]]
    holds: Callable[[object], bool] = lambda config: True
