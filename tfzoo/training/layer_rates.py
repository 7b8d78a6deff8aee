"""Layer-wise decay of the learning rate: what is far from the output changes less."""

import re

_BLOCK = re.compile(r"block(?:_(\d+))?")
_EMBEDDED = re.compile(r"embedding|widening|position_bias")  # What is below the first block.


def rate_scales(model, decay: float) -> tuple[float, ...]:
    """The factor of the learning rate of each of a model's trainable variables, in their order.

    With n blocks in a stack, `decay**(n - i)` for block i, counted from 0 at the embeddings, which
    have `decay**(n + 1)`; 1 for what comes after the blocks, heads among it (Howard & Ruder, 2018,
    arXiv:1801.06146, section 3.2; Clark et al., 2020, arXiv:2003.10555, appendix A).

    Args:
        model: models.Model.
        decay: float in (0, 1].

    Returns:
        tuple of floats; empty for a decay of 1.
    """
    if decay == 1.0:
        return ()
    sizes = _num_blocks(weight.path for weight in model.weights)
    return tuple(decay ** _depth(v.path, sizes) for v in model.trainable_variables)


def _num_blocks(paths) -> dict[str, int]:
    """Names of stacks, and how many blocks each has."""
    sizes = {}
    for path in paths:
        stack, block = _places(path)
        if block is not None:
            sizes[stack] = max(sizes.get(stack, 0), block + 1)
    return sizes


def _depth(path, sizes) -> int:
    """How many steps below the output a weight is."""
    stack, block = _places(path)
    if block is not None:
        return sizes[stack] - block
    if _EMBEDDED.search(path.rpartition("/")[0]):
        return sizes.get(stack, max(sizes.values(), default=0)) + 1
    return 0


def _places(path):
    """The stack of a weight, and the number of its block or None. A shared block has none: 0."""
    stack, part = path.split("/")[1:3] if path.count("/") > 1 else (path, "")
    block = _BLOCK.fullmatch(part)
    return stack, int(block[1] or 0) if block else None
