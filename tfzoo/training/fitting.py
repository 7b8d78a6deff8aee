"""Which of another model's weights a model takes over, cut and grown to its size."""

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.models.adapters import is_base

_POSITIONS = "/position_embedding/"  # In the paths of tables with a row for each position,
_TOKENS = ("/token_embedding/", "/output_table/", "/output_bias")  # and with one for each token.


def fitting_weights(model, weights, folder):
    """Those of another model's weights that a model takes over.

    All must be there and fit, but for heads: one that the model has not is left behind, and one
    that the other has not, or in other shapes, stays new. Adapters stay new. Of more learned
    positions than the model has, it takes the first. Tokens that only the model has get the mean
    of all others (Hewitt, 2021, "Initializing New Word Embeddings for Pretrained Language Models").

    Args:
        model: models.Model.
        weights: dict of paths to numpy arrays.
        folder: where they come from, for the message.

    Returns:
        dict of paths to arrays.

    Raises:
        UsageError: naming the first weight that does not fit.
    """
    heads = f"{model.name}/heads/"
    wanted = [v for v in model.weights if is_base(v) or v.path.startswith(heads)]
    ours = {v.path: tuple(v.shape) for v in wanted}
    # What is no float is the state of a generator of random numbers.
    theirs = {path: _resized(path, x, ours) for path, x in weights.items() if x.dtype.kind == "f"}
    shapes = {path: x.shape for path, x in theirs.items()}
    _check_body(*({p: s for p, s in x.items() if heads not in p} for x in (shapes, ours)), folder)
    for name in model.heads:
        head = {path: s for path, s in ours.items() if path.startswith(f"{heads}{name}/")}
        if not head.items() <= shapes.items():
            ours = {path: s for path, s in ours.items() if path not in head}
    return {path: theirs[path] for path in ours}


def _check_body(theirs, ours, folder):
    different = sorted(theirs.items() ^ ours.items())
    if different:
        path = different[0][0]
        raise UsageError(
            f"--init_from={folder}: the checkpoint does not fit its model.json: {path} has shape "
            f"{theirs.get(path)} in the one, {ours.get(path)} by the other. Give a folder as "
            "`python -m tfzoo.train` has left it."
        )


def _resized(path, array, shapes):
    """Learned positions, as many as there is room for; a row for each token, new ones their mean;
    any other array as it is."""
    rows = shapes[path][0] if path in shapes and shapes[path] else 0
    if _POSITIONS in path and rows:
        return array[:rows]
    if rows > len(array) and any(name in path for name in _TOKENS):
        mean = array.mean(0, dtype=np.float64, keepdims=True).astype(array.dtype)
        return np.concatenate([array, np.repeat(mean, rows - len(array), 0)])
    return array
