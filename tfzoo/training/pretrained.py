"""`--init_from`: a run begins with the architecture, the tokenizer and the weights of another."""

from pathlib import Path

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.models import registry
from tfzoo.training.checkpoints import Checkpoints

_POSITIONS = "/position_embedding/"  # In the paths of tables with a row for each position.


def problems(config) -> list[str]:
    """Why a run cannot begin as --init_from says; nothing, once it has begun."""
    if _own_model(config).exists():
        return []
    folder = Path(config.init_from)
    if not (folder / "model.json").is_file() or not tokenizer_folder(config).is_dir():
        return [
            f"--init_from={folder} holds no run of tfzoo (it has no model.json and tokenizer/). "
            "Give the --model_dir of another run."
        ]
    checkpoints = Checkpoints(folder / "checkpoints")
    if not checkpoints.steps():
        return [f"--init_from={folder} {checkpoints.why_none()}"]
    return _other_tokenizer(config)


def shape(config):
    """The family and the configuration record of the model that the run begins with.

    From its own `model.json` as soon as there is one: the other run may then be gone.

    Raises:
        UsageError: if there is none.
    """
    own = _own_model(config)
    return registry.load_shape(own if own.exists() else Path(config.init_from) / "model.json")


def tokenizer_folder(config) -> Path:
    """The tokenizer that goes with the weights."""
    return Path(config.init_from) / "tokenizer"


def begin(config, run, trainer) -> None:
    """Gives a Trainer that has made no step the weights of --init_from, and notes which they are.

    They are those of the newest checkpoint that is whole, the moving average where it kept one.

    Args:
        config: TrainConfig with `init_from`.
        run: ModelDir, which the chief has open.
        trainer: Trainer, with new weights.

    Raises:
        UsageError: if there is no whole checkpoint, its weights do not fit the model, or they are
            others than when the run was first started.
    """
    checkpoints = Checkpoints(Path(config.init_from) / "checkpoints")
    checkpoint = checkpoints.restore_weights()
    if checkpoint is None:
        raise UsageError(f"--init_from={config.init_from} {checkpoints.why_none()}")
    if trainer.distribution.is_chief:
        origin = {"step": checkpoint.step, "sha256": checkpoint.sha256}
        run.fix("weights to begin with", origin, "--init_from")
    trainer.begin_with(fitting_weights(trainer.model, checkpoint.weights, config.init_from))


def fitting_weights(model, weights, folder):
    """Those of another model's weights that a model takes over.

    All must be there and fit, but for heads: one that the model has not is left behind, and one
    that the other has not, or in other shapes, stays new. Of more learned positions than the model
    has, it takes the first.

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
    ours = {v.path: tuple(v.shape) for v in model.trainable_variables}
    # What is no float is the state of a generator of random numbers.
    theirs = {path: _cut(path, x, ours) for path, x in weights.items() if x.dtype.kind == "f"}
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


def _cut(path, array, shapes):
    """Learned positions, as many as there is room for; any other array as it is."""
    return array[: shapes[path][0]] if _POSITIONS in path and path in shapes else array


def _own_model(config) -> Path:
    return Path(config.model_dir) / "model.json"


def _other_tokenizer(config):
    kind, folder = config.tokenizer, tokenizer_folder(config)
    if kind is None:
        return []
    theirs = tokenizers.load(folder)
    if kind in tokenizers.TOKENIZERS:
        agrees = kind == theirs.kind
    else:
        agrees = Path(kind).exists() and tokenizers.load(kind).fingerprint == theirs.fingerprint
    if agrees:
        return []
    return [
        f"--tokenizer={kind} is another than that of --init_from={config.init_from} "
        f"({theirs.kind}), for which its weights were trained. Leave --tokenizer out."
    ]
