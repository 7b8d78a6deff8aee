"""Where each tensor of a published checkpoint goes in our weights, and how it comes back."""

import dataclasses
from collections.abc import Callable

import numpy as np


def _same(x):
    return x


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One tensor of theirs is one variable of ours, or some columns of it.

    Attributes:
        theirs: str, the tensor's name in the file.
        ours: str, the variable's path below the model's name.
        columns: (first, end) of the variable's last axis that the tensor fills; None: all.
        to_ours: function of their array to ours.
        to_theirs: its inverse.
    """

    theirs: str
    ours: str
    columns: tuple[int, int] | None = None
    to_ours: Callable[[np.ndarray], np.ndarray] = _same
    to_theirs: Callable[[np.ndarray], np.ndarray] = _same


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Tensors of which a file has all or none; the first part, the body, it always has.

    Attributes:
        name: str.
        rules: tuple of Rule. What the prefix stands before are the names of the body alone.
        head: function of the file's shapes (dict of names to tuples) to a new Keras layer, which
            the model gets by the name of the part; None: the model has the part by itself.
        architecture: str, the class of transformers that has this part on top of the body; None:
            the part makes no other class.
    """

    name: str
    rules: tuple[Rule, ...]
    head: Callable | None = None
    architecture: str | None = None


def linear(theirs: str, ours: str, *, bias=True, columns=None) -> list[Rule]:
    """torch's `nn.Linear`, whose matrix is (outputs, inputs), and our kernel of its transpose."""
    rules = [
        Rule(
            theirs=f"{theirs}.weight",
            ours=f"{ours}/kernel",
            columns=columns,
            to_ours=np.transpose,
            to_theirs=np.transpose,
        )
    ]
    if bias:
        rules.append(Rule(theirs=f"{theirs}.bias", ours=f"{ours}/bias", columns=columns))
    return rules


def linears(theirs: list[str], ours: str, widths: list[int], *, bias=True) -> list[Rule]:
    """Several `nn.Linear` of one input side by side in one kernel: queries, keys and values."""
    rules, first = [], 0
    for name, width in zip(theirs, widths, strict=True):
        rules += linear(name, ours, bias=bias, columns=(first, first + width))
        first += width
    return rules


def norm(theirs: str, ours: str, *, bias=True) -> list[Rule]:
    """A layer normalization, or with `bias=False` a root mean square one."""
    rules = [Rule(theirs=f"{theirs}.weight", ours=f"{ours}/gamma")]
    return rules + [Rule(theirs=f"{theirs}.bias", ours=f"{ours}/beta")] * bias


def table(theirs: str, ours: str) -> Rule:
    """An `nn.Embedding`, a row an id."""
    return Rule(theirs=f"{theirs}.weight", ours=f"{ours}/embeddings")
