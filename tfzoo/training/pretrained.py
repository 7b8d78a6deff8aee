"""`--init_from`: a run begins with the architecture, the tokenizer and the weights of another."""

from pathlib import Path

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.models import registry
from tfzoo.training.fitting import fitting_weights
from tfzoo.training.origins import FACT, origin


def problems(config) -> list[str]:
    """Why a run cannot begin as --init_from says; nothing, once it has begun.

    One that trains adapters alone needs the other's weights at every start.
    """
    begun = _own_model(config).exists()
    if begun and not config.lora_rank:
        return []
    found = origin(config.init_from).problems()
    return found if found or begun else [*_tokenizer_problems(config)]


def shape(config):
    """The family and the configuration record of the model that the run begins with.

    From its own `model.json` as soon as there is one: the other run may then be gone.

    Raises:
        UsageError: if there is none.
    """
    own = _own_model(config)
    return registry.load_shape(own) if own.exists() else origin(config.init_from).shape()


def tokenizer(config):
    """The tokenizer that goes with the weights, or the one of --tokenizer, which extends it.

    Raises:
        UsageError: if its folder holds none.
    """
    given = config.tokenizer
    if given is None or given in tokenizers.TOKENIZERS:
        return tokenizers.load(origin(config.init_from).tokenizer_folder)
    return tokenizers.load(given)


def vocabulary_size(config, num_tokens: int) -> int:
    """Rows of the model's tables: those of --init_from, or more, if flags or tokens need more.

    Args:
        config: TrainConfig.
        num_tokens: int, of the tokenizer.
    """
    if not config.init_from:
        return num_tokens
    theirs = shape(config)[1].vocabulary_size
    if _own_model(config).exists():
        return theirs
    return max(theirs, num_tokens, config.vocabulary_size or 0)


def begin(config, run, trainer) -> None:
    """Gives a Trainer the weights of --init_from, and notes or holds which they are.

    They are those of the newest checkpoint that is whole, the moving average where it kept one. If
    steps have been made, they are those that are not trained.

    Args:
        config: TrainConfig with `init_from`.
        run: ModelDir, which the chief has open.
        trainer: Trainer, new or restored.

    Raises:
        UsageError: if there is no whole checkpoint, its weights do not fit the model, or they are
            others than when the run was first started.
    """
    weights = origin(config.init_from).weights()
    if trainer.distribution.is_chief:
        run.fix(FACT, weights.facts, "--init_from")
    arrays = fitting_weights(trainer.model, weights.arrays, config.init_from)
    if trainer.step:
        saved = trainer.saved_weights()
        arrays = {path: array for path, array in arrays.items() if path not in saved}
    trainer.begin_with(arrays)


def _own_model(config) -> Path:
    return Path(config.model_dir) / "model.json"


def _tokenizer_problems(config):
    """Where the tokenizer is another than that of the weights, or the vocabulary smaller."""
    theirs, ours = _their_tokenizer(config), tokenizer(config)
    folder, given, size = config.init_from, config.tokenizer, config.vocabulary_size
    known = shape(config)[1].vocabulary_size
    least = max(known, ours.vocabulary_size)
    if not _agree(given, ours, theirs, known):
        yield (
            f"--tokenizer={given} is another than that of --init_from={folder}"
            f"{f' ({theirs.kind})' if theirs else ''}, for which its weights were trained, and "
            "does not begin with its tokens. Leave --tokenizer out."
        )
    elif size is not None and size < least:
        yield (
            f"--vocabulary_size={size} is less than the {least} that --init_from={folder} and the "
            "tokenizer have. Leave it out, or give as many or more."
        )
    elif config.lora_rank and ours.vocabulary_size > known:
        yield (
            f"--lora_rank trains no embeddings, and --tokenizer={given} has more tokens than the "
            f"{known} of --init_from={folder}. Train a run without adapters that has them, and "
            "begin with that one."
        )


def _their_tokenizer(config):
    """That of --init_from; None where a published folder has none and --tokenizer is a folder."""
    source, given = origin(config.init_from), config.tokenizer
    try:
        return tokenizers.load(source.tokenizer_folder)
    except UsageError:
        has_other = given is not None and given not in tokenizers.TOKENIZERS
        if has_other and source.tokenizer_folder == source.folder:
            return None
        raise


def _agree(given, ours, theirs, known) -> bool:
    """Whether a tokenizer is that of the weights, or has its tokens first and more after them."""
    if given is None:
        return True
    if theirs is None:
        return ours.vocabulary_size <= known
    if given in tokenizers.TOKENIZERS:
        return given == theirs.kind
    size = theirs.vocabulary_size
    return (
        ours.kind == theirs.kind
        and ours.token_bytes[:size] == theirs.token_bytes
        and theirs.special_ids.items() <= ours.special_ids.items()
    )
