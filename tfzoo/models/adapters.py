"""Low-rank adapters (Hu et al., 2021, arXiv:2106.09685) of a whole model: added, merged.

Where a model has adapters, they and its heads are trained, and nothing else.
"""

import dataclasses
import re

import keras

from tfzoo.errors import UsageError
from tfzoo.layers import Projection

_OF_BLOCKS = r"(.*/)?block(_\d+)?/.*"
_NAMES = ("/lora_a", "/lora_b")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adapters:
    """Which products of a model have adapters, and of what size.

    Attributes:
        rank: int > 0, the width between A and B.
        alpha: float. What is added is scaled by alpha / rank.
        targets: tuple of str. What the path of a product ends with, from a / on, as a regular
            expression: query_key_value, attention/output, block_[01]/.*; or, for a pair of its own
            to each, parts of its columns: query, key, value. Empty: every product of the blocks.
        dropout: float in [0, 1), share of what an adapter reads to drop.
    """

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()
    dropout: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "targets", tuple(self.targets))


def add_adapters(model, *, rank, alpha, targets=(), dropout=0.0) -> None:
    """Gives a model its adapters, which change nothing yet, and leaves only them to be trained.

    Args:
        model: models.Model without adapters, with its heads.
        rank, alpha, targets, dropout: as for `Adapters`.

    Raises:
        UsageError: if a target names no product, or two name the same columns.
        ValueError: if the model has adapters.
    """
    if model.adapters is not None:
        raise ValueError("`model` must have no adapters. Merge those that it has.")
    for projection, part in _chosen(model, targets):
        projection.add_adapter(part, rank=rank, alpha=alpha, dropout=dropout)
    model.adapters = Adapters(rank=rank, alpha=alpha, targets=targets, dropout=dropout)
    for weight in model.weights:
        weight.trainable = not is_base(weight)


def merge(model) -> None:
    """Makes the adapters part of the matrices, `W + alpha / rank A B` in float32 (section 4.1).

    The model then computes what it did, has no adapters, and all of it may be trained.
    """
    for projection in projections(model):
        projection.merge_adapters()
    model.adapters = None
    for weight in model.weights:
        weight.trainable = True


def is_base(weight) -> bool:
    """Whether a weight is of what adapters adapt: neither of an adapter nor of a head."""
    return not weight.path.endswith(_NAMES) and "/heads/" not in weight.path


def projections(model) -> list[Projection]:
    """Every `Projection` of a model but those of its heads, in the order of its layers."""
    found = {}
    _collect(model, found, seen=set())
    return [layer for path, layer in found.items() if "/heads/" not in path]


def _collect(layer, found, seen):
    if id(layer) in seen:
        return
    seen.add(id(layer))
    if isinstance(layer, Projection):
        found[layer.path] = layer
    for value in vars(layer).values():
        for child in value if isinstance(value, list | tuple) else [value]:
            if isinstance(child, keras.layers.Layer):
                _collect(child, found, seen)


def _chosen(model, targets):
    """(projection, name of a part or None), where an adapter belongs."""
    places = _places(model)
    chosen = {}
    for target in targets or (_OF_BLOCKS,):
        matching = [place for path, place in places if _ends_with(path, target)]
        if not matching:
            known = dict.fromkeys(path.rpartition("/")[2] for path, _ in places)
            raise UsageError(
                f"--lora_targets: no product of the model has a path that ends with {target!r}. "
                f"There are {', '.join(known)}; the first is {places[0][0]}."
            )
        whole = {projection for projection, part in matching if part is None}
        chosen |= {(p, part): None for p, part in matching if part is None or p not in whole}
    _refuse_overlaps(chosen)
    return chosen


def _places(model):
    """Paths below the model's name, and what they name: products and the parts of these."""
    places = []
    for projection in projections(model):
        path = projection.path.split("/", 1)[1]
        places.append((path, (projection, None)))
        beside = path.rpartition("/")[0]
        places += [(f"{beside}/{part}", (projection, part)) for part in projection.parts]
    return places


def _ends_with(path, target):
    try:
        return re.fullmatch(rf"(.*/)?({target})", path)
    except re.error as error:
        raise UsageError(
            f"--lora_targets: {target!r} is no regular expression ({error}). Give names such as "
            "query_key_value,output."
        ) from error


def _refuse_overlaps(chosen):
    for projection, part in chosen:
        if part is not None and (projection, None) in chosen:
            raise UsageError(
                f"--lora_targets names {projection.name} and its part {part} of {projection.path}. "
                "Name one of them."
            )
