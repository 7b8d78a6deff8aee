"""What of a model is trained: all of it, all but what patterns name, or adapters alone."""

import re

from tfzoo.errors import UsageError
from tfzoo.models.adapters import add_adapters

_LORA = ("lora_alpha", "lora_targets", "lora_dropout")
_SHOWN = 5


def problems(config) -> list[str]:
    """What is wrong with the flags alone, one sentence each; `choose_trained` tells the rest."""
    found = [*_of_adapters(config)]
    if not 0 < config.layer_decay <= 1:
        found.append(f"--layer_decay must be in (0, 1]. Received: {config.layer_decay}.")
    for pattern in config.freeze:
        try:
            re.compile(pattern)
        except re.error as error:
            found.append(
                f"--freeze: {pattern!r} is no regular expression ({error}). Give parts of paths, "
                "for example --freeze=embedding,block_[0-3]/."
            )
    return found


def _of_adapters(config):
    rank, alpha = config.lora_rank, config.lora_alpha
    if rank < 0:
        yield f"--lora_rank must not be negative. Received: {rank}."
    if rank == 0 and (given := [name for name in _LORA if getattr(config, name)]):
        yield f"--{given[0]} means nothing without --lora_rank. Give a rank, for example 8."
    if rank > 0 and not config.init_from:
        yield (
            "--lora_rank needs --init_from: adapters adapt a model that has been trained. Give "
            "one, or leave --lora_rank out."
        )
    if alpha is not None and not 0 < alpha < float("inf"):
        yield f"--lora_alpha must be positive. Received: {alpha}."
    if not 0 <= config.lora_dropout < 1:
        yield f"--lora_dropout must be in [0, 1). Received: {config.lora_dropout}."


def choose_trained(config, model) -> None:
    """Gives a new model the adapters of --lora_rank, and takes what --freeze names out of training.

    Args:
        config: TrainConfig.
        model: models.Model, with its heads.

    Raises:
        UsageError: if a flag names what the model has not, or nothing is left to train.
    """
    if config.lora_rank:
        alpha = 2.0 * config.lora_rank if config.lora_alpha is None else config.lora_alpha
        add_adapters(
            model,
            rank=config.lora_rank,
            alpha=alpha,
            targets=config.lora_targets,
            dropout=config.lora_dropout,
        )
    for pattern in config.freeze:
        _freeze(pattern, model)
    if not model.trainable_weights:
        raise UsageError(
            f"--freeze={','.join(config.freeze)} leaves nothing to train. Name fewer weights."
        )


def _freeze(pattern, model):
    """Takes the weights out whose path, below the model's name, holds the pattern."""
    weights = {weight.path.split("/", 1)[1]: weight for weight in model.weights}
    found = [weight for path, weight in weights.items() if re.search(pattern, path)]
    if not found:
        step = max(1, len(weights) // _SHOWN)
        raise UsageError(
            f"--freeze: no weight has a path in which {pattern!r} is found. Paths are for example "
            f"{', '.join(list(weights)[::step][:_SHOWN])}."
        )
    for weight in found:
        weight.trainable = False
