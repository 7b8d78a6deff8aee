"""Tokenizes a source once: finds its token store, or builds it."""

import dataclasses
import os

from tfzoo.data import store_folders
from tfzoo.data.encoding import encode
from tfzoo.data.source import Source
from tfzoo.data.split import TRAIN, VALIDATION, split
from tfzoo.data.store_files import DamagedStore
from tfzoo.data.token_store import FORMAT, TokenStore, TokenStoreWriter
from tfzoo.errors import UsageError

SHELF = "token_stores"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenSplit:
    """The training and the validation tokens, and the folder that holds the former."""

    train: TokenStore
    validation: TokenStore
    folder: str


def build_token_store(
    source: Source,
    tokenizer,
    *,
    data_dir: str,
    validation_fraction: float = 0.1,
    validation_source: Source | None = None,
    progress: bool = True,
) -> TokenSplit:
    """The token stores of a source; built, unless `data_dir` has them for this text and tokenizer.

    Args:
        source: the text.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        data_dir: folder of the stores.
        validation_fraction: share held out from the source (`split`); unused when
            there is a `validation_source`.
        validation_source: text to validate on.
        progress: whether to show a progress bar on standard error while building.

    Returns:
        A `TokenSplit`.

    Raises:
        UsageError: if the text cannot be read, a part is empty, files are in both
            sources, or there is no room in `data_dir`.
    """
    if validation_source is None:
        if not 0 < validation_fraction < 1:
            raise UsageError(
                f"--validation_fraction must be in (0, 1). Received: {validation_fraction}."
            )
        folder = _stored(source, tokenizer, data_dir, validation_fraction, progress)
        train, validation = (TokenStore(os.path.join(folder, use)) for use in (TRAIN, VALIDATION))
        return TokenSplit(train=train, validation=validation, folder=folder)
    both = sorted(set(source.paths) & set(validation_source.paths))
    if both:
        raise UsageError(
            f"--validation_files: {both[0]} is also a training file. Take it out of one of the two."
        )
    train = build_whole_store(source, tokenizer, data_dir=data_dir, progress=progress)
    validation = build_whole_store(
        validation_source, tokenizer, data_dir=data_dir, progress=progress
    )
    return TokenSplit(train=train, validation=validation, folder=os.path.dirname(train.folder))


def build_whole_store(
    source: Source, tokenizer, *, data_dir: str, progress: bool = True
) -> TokenStore:
    """The token store of a source of which nothing is held out. See `build_token_store`."""
    folder = _stored(source, tokenizer, data_dir, 0, progress)
    return TokenStore(os.path.join(folder, TRAIN))


def validation_at_hand(
    fingerprint: str, tokenizer, *, data_dir: str, validation_fraction: float
) -> TokenStore | None:
    """What was held out of a source, if `data_dir` has it: the source is not read for it.

    Args:
        fingerprint: the source's.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        data_dir: folder of the stores.
        validation_fraction: share held out; 0: the source is held out as a whole.
    """
    made_from = [FORMAT, _made_from(fingerprint, tokenizer, validation_fraction)]
    folder = store_folders.folder_of(data_dir, SHELF, made_from)
    try:
        return TokenStore(os.path.join(folder, VALIDATION if validation_fraction else TRAIN))
    except DamagedStore:
        return None


def _made_from(fingerprint, tokenizer, fraction) -> dict:
    return {
        "source": fingerprint,
        "tokenizer": tokenizer.fingerprint,
        "validation_fraction": str(fraction),
    }


def _stored(source, tokenizer, data_dir, fraction, progress) -> str:
    """The folder of the whole stores of these fingerprints, found or built."""
    uses = (TRAIN, VALIDATION) if fraction else (TRAIN,)
    made_from = _made_from(source.fingerprint, tokenizer, fraction)

    def check(folder):
        for use in uses:
            TokenStore(os.path.join(folder, use))

    def write(folder):
        _write(source, tokenizer, fraction, folder, uses, made_from, progress)

    return store_folders.found_or_built(
        data_dir, SHELF, [FORMAT, made_from], check=check, write=write
    )


def _write(source, tokenizer, fraction, folder, uses, made_from, progress) -> None:
    writers = {use: TokenStoreWriter(os.path.join(folder, use), tokenizer) for use in uses}
    try:
        with store_folders.progress_bar(source.name, source.total_bytes, progress) as advance:
            encode(split(source, fraction), tokenizer, writers, advance)
        _refuse_empty(source, writers, fraction)
        for writer in writers.values():
            writer.finish({"name": source.name, **made_from})
    finally:
        for writer in writers.values():
            writer.close()


def _refuse_empty(source, writers, fraction) -> None:
    empty = [use for use, writer in writers.items() if not writer.num_documents]
    if len(empty) == len(writers):
        raise UsageError(f"{source.flag}: there is no text in {source.name}.")
    if empty:
        raise UsageError(
            f"--validation_fraction={fraction} leaves no text of {source.name} for {empty[0]}. "
            "Give another fraction, more text, or --validation_files."
        )
