"""What a run needs before its first step: the tokenizer, the token stores and the new model."""

import keras

from tfzoo import data, models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.training.checks import model_overrides
from tfzoo.training.progress import bytes_bar


def prepare_text(config, run, distribution):
    """Makes or finds the tokenizer and the token stores. The chief makes them, the others wait.

    Args:
        config: TrainConfig.
        run: ModelDir, which the chief has open.
        distribution: Distribution.

    Returns:
        The tokenizer and the `data.TokenSplit`.

    Raises:
        UsageError: if the text or the tokenizer is not what it was when the run began.
    """
    made = _made(config, run) if distribution.is_chief else None
    distribution.sum_over_workers([0.0])
    return made or _found(config, run)


def new_model(config, run, distribution, vocabulary_size: int):
    """A model with the weights of --seed, on all devices; the chief writes `model.json`."""
    keras.utils.set_random_seed(config.seed)
    with distribution.scope():
        model = models.from_preset(
            config.preset,
            dtype=config.precision,
            vocabulary_size=vocabulary_size,
            **model_overrides(config),
        )
    model.decoder.remat = config.remat
    if distribution.is_chief and not run.model.exists():
        models.save_config(model, run.model)
    return model


def token_split(config, tokenizer, progress=True):
    """The token stores of a run that has trained: found, or made again if they were deleted."""
    return _split(config, *_sources(config), tokenizer, progress)


def _made(config, run):
    source, validation_source = _sources(config)
    run.fix("text", source.fingerprint, source.flag)
    if validation_source:
        run.fix("validation text", validation_source.fingerprint, validation_source.flag)
    if not run.tokenizer.exists():
        _new_tokenizer(config, source, validation_source).save(run.tokenizer)
    tokenizer = tokenizers.load(run.tokenizer)
    run.fix("tokenizer", tokenizer.fingerprint, "--tokenizer")
    split = _split(config, source, validation_source, tokenizer, progress=True)
    run.fix("number of training tokens", split.train.num_tokens, source.flag)
    return tokenizer, split


def _found(config, run):
    """What the chief has made, as another worker sees it."""
    if not run.tokenizer.exists():
        raise UsageError(
            f"--model_dir={run.path} must be a folder that all workers share; the tokenizer that "
            "the chief has made is not there."
        )
    tokenizer = tokenizers.load(run.tokenizer)
    return tokenizer, token_split(config, tokenizer, progress=False)


def _sources(config):
    """The text, and that to validate on or None."""
    source = data.open_source(config.dataset, config.text_files, config.text_field, config.data_dir)
    if not config.validation_files:
        return source, None
    return source, data.open_source(
        text_files=config.validation_files,
        text_field=config.text_field,
        files_flag="--validation_files",
    )


def _new_tokenizer(config, source, validation_source):
    if config.tokenizer not in tokenizers.TOKENIZERS:
        return tokenizers.load(config.tokenizer)
    fraction = 0.0 if validation_source else config.validation_fraction
    documents = data.training_documents(source, fraction)
    with bytes_bar(f"Making the {config.tokenizer} vocabulary", source.total_bytes) as advance_to:
        return tokenizers.train(config.tokenizer, documents, config.vocabulary_size, advance_to)


def _split(config, source, validation_source, tokenizer, progress):
    return data.build_token_store(
        source,
        tokenizer,
        data_dir=config.data_dir,
        validation_fraction=config.validation_fraction,
        validation_source=validation_source,
        progress=progress,
    )
