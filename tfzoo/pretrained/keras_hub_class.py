"""What a backbone class of keras-hub is: a configuration and tensors, by transformers' names."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor as transformers has it, made of weights of keras-hub when it is read.

    Attributes:
        weights: tuple of keras.Variable.
        join: function of their arrays to the tensor's.
    """

    weights: tuple
    join: Callable = lambda x: x

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, found without its numbers."""
        return self.join(*(np.broadcast_to(np.float32(0), w.shape) for w in self.weights)).shape

    def read(self) -> np.ndarray:
        """Its numbers."""
        return self.join(*(keras.ops.convert_to_numpy(weight) for weight in self.weights))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head:
    """What a task of keras-hub has on top of its backbone.

    Attributes:
        architecture: str, the class of transformers that is it.
        tensors: function of the task to dict from name to `Tensor`.
        check: function of the task and of `CheckpointFolder.fault`, which raises that for what our
            head would compute otherwise.
    """

    architecture: str
    tensors: Callable = lambda task: {}
    check: Callable = lambda task, fault: None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackboneClass:
    """A backbone class of keras-hub.

    Attributes:
        model_type: str, what transformers calls its models.
        config: function of the backbone, its tokenizer and `CheckpointFolder.fault` to the content
            of a `config.json`; it raises the fault for what our model would compute otherwise.
        tensors: function of the backbone and its tokenizer to dict from name to `Tensor`.
        architecture: str, the class of transformers that is the backbone without a task.
        prefix: str, what transformers sets before the names of a body that has a head.
        output: str, the name of the table that writes, for a backbone that has one in itself.
        heads: dict from the name of a task class that has weights of its own to `Head`.
    """

    model_type: str
    config: Callable
    tensors: Callable
    architecture: str
    prefix: str = ""
    output: str | None = None
    heads: dict[str, Head] = dataclasses.field(default_factory=dict)


def dense(name: str, layer) -> dict[str, Tensor]:
    """A product of one input axis: its kernel is (m, ...), of heads or not."""
    return _product(name, layer, lambda x: x.reshape(len(x), -1).T)


def joined(name: str, layer) -> dict[str, Tensor]:
    """A product that joins heads: its kernel is (h, d, m)."""
    return _product(name, layer, lambda x: x.reshape(-1, x.shape[-1]).T)


def _product(name, layer, to_matrix):
    found = {f"{name}.weight": Tensor((layer.kernel,), to_matrix)}
    if layer.bias is not None:
        found[f"{name}.bias"] = Tensor((layer.bias,), np.ravel)
    return found


def norm(name: str, layer) -> dict[str, Tensor]:
    """A layer normalization of Keras."""
    return {f"{name}.weight": Tensor((layer.gamma,)), f"{name}.bias": Tensor((layer.beta,))}


def root_mean_square(name: str, layer) -> dict[str, Tensor]:
    """A normalization without a bias, as keras-hub's families each have their own."""
    return {f"{name}.weight": Tensor(tuple(layer.weights))}


def table(name: str, weight) -> dict[str, Tensor]:
    """A row an id."""
    return {f"{name}.weight": Tensor((weight,))}


def output_table(name: str, embedding) -> dict[str, Tensor]:
    """The table that writes, of a `ReversibleEmbedding`; none where it is the one that reads."""
    if embedding.tie_weights:
        return {}
    return {f"{name}.weight": Tensor((embedding.reverse_embeddings,), np.transpose)}
