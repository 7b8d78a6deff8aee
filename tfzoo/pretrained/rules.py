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
        theirs: str, the tensor's name in a new file.
        ours: str, the variable's path below the model's name.
        others: tuple of str, names that some files have it by: of these, then `theirs`, the first
            one that is there counts.
        again: bool. Whether it is once more what another rule reads: a file may have it, and then
            must have the same numbers.
        columns: (first, end) of the variable's last axis that the tensor fills; None: all.
        to_ours: function of their array to ours.
        to_theirs: its inverse.
    """

    theirs: str
    ours: str
    others: tuple[str, ...] = ()
    again: bool = False
    columns: tuple[int, int] | None = None
    to_ours: Callable[[np.ndarray], np.ndarray] = _same
    to_theirs: Callable[[np.ndarray], np.ndarray] = _same


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Tensors of which a file has all or none; the first part, the body, it always has.

    Attributes:
        name: str.
        rules: tuple of Rule.
        prefixed: bool. Whether the family's prefix stands before its names, as it does before
            those of the body.
        reads: tuple of str, other parts without which it is not whole.
        head: function of the file's shapes (dict of names to tuples) to a new Keras layer, which
            the model gets by the name of the part; None: the model has the part by itself.
        architecture: str, the class of transformers that has this part on top of the body; None:
            the part makes no other class. Of parts with the same names, a file has the one whose
            class its `config.json` names.
        fits: function of the file's shapes. Whether it is the part that is meant, where another one
            has the same names and the same class.
    """

    name: str
    rules: tuple[Rule, ...]
    prefixed: bool = False
    reads: tuple[str, ...] = ()
    head: Callable | None = None
    architecture: str | None = None
    fits: Callable[[dict], bool] = lambda shapes: True


def as_named(parts: list[Part], prefix: str, names) -> list[Part]:
    """The parts by the names that they have in a file.

    Args:
        parts: list of Part, the body first.
        prefix: str, what stands before the names of the body in this file.
        names: the file's; none for a new file.
    """
    return [
        dataclasses.replace(
            part, rules=_as_named(part.rules, prefix if i == 0 or part.prefixed else "", names)
        )
        for i, part in enumerate(parts)
    ]


def _as_named(rules, prefix, names):
    found = []
    for rule in rules:
        known = [prefix + name for name in (*rule.others, rule.theirs)]
        theirs = next((name for name in known if name in names), known[-1])
        if not rule.again or theirs in names:
            found.append(dataclasses.replace(rule, theirs=theirs))
    return tuple(found)


def with_what_they_read(parts: list[Part], names: set[str]) -> set[str]:
    """Names of parts, and of all parts that these read."""
    return names.union(*(part.reads for part in parts if part.name in names))


def num_outputs(shapes: dict[str, tuple[int, ...]], name: str) -> int:
    """The rows of a matrix of the file, at least 1: what is misshapen is found when it is read."""
    return max((1, *shapes[name][:1]))


def label_or_number(part: Part, output: str) -> list[Part]:
    """A head for the label of a text, and the same one for a number: that has one row.

    Args:
        part: Part, named classification.
        output: str, the name of its matrix.
    """

    def is_number(shapes):
        return output in shapes and num_outputs(shapes, output) == 1

    rules = [
        dataclasses.replace(rule, ours=rule.ours.replace("/classification/", "/regression/"))
        for rule in part.rules
    ]
    return [
        dataclasses.replace(part, fits=lambda shapes: not is_number(shapes)),
        dataclasses.replace(part, name="regression", rules=tuple(rules), fits=is_number),
    ]


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
    """A layer normalization, or with `bias=False` a root mean square one.

    Files made from those of TensorFlow have its parameters by the names that it gave them.
    """
    names = {"weight": "gamma", "bias": "beta"} if bias else {"weight": "gamma"}
    return [
        Rule(theirs=f"{theirs}.{new}", ours=f"{ours}/{old}", others=(f"{theirs}.{old}",))
        for new, old in names.items()
    ]


def conv1d(theirs: str, ours: str) -> list[Rule]:
    """transformers' Conv1D: a kernel as ours, (inputs, outputs), and a bias."""
    return [
        Rule(theirs=f"{theirs}.weight", ours=f"{ours}/kernel"),
        Rule(theirs=f"{theirs}.bias", ours=f"{ours}/bias"),
    ]


def table(theirs: str, ours: str, others: tuple[str, ...] = ()) -> Rule:
    """An `nn.Embedding`, a row an id; `others` are names that some files have it by."""
    others = tuple(f"{name}.weight" for name in others)
    return Rule(theirs=f"{theirs}.weight", ours=f"{ours}/embeddings", others=others)


def tied(theirs: str, ours: str) -> Rule:
    """A table once more: a file may have it beside the one that it is tied to."""
    return Rule(theirs=f"{theirs}.weight", ours=f"{ours}/embeddings", again=True)
