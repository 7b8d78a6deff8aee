"""Tokenizes a source once: finds its token store, or builds it aside and renames it into place."""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid

from rich import progress as bars

from tfzoo.data.encoding import encode
from tfzoo.data.source import Source
from tfzoo.data.split import TRAIN, VALIDATION, split
from tfzoo.data.token_store import FORMAT, DamagedStore, TokenStore, TokenStoreWriter
from tfzoo.errors import UsageError

ASIDE = ".building-"
LOCK = ".lock"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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


def _stored(source, tokenizer, data_dir, fraction, progress) -> str:
    """The folder of the whole stores of these fingerprints, found or built."""
    uses = (TRAIN, VALIDATION) if fraction else (TRAIN,)
    made_from = {
        "source": source.fingerprint,
        "tokenizer": tokenizer.fingerprint,
        "validation_fraction": str(fraction),
    }
    key = hashlib.sha256(json.dumps([FORMAT, made_from]).encode()).hexdigest()[:32]
    stores = os.path.join(os.path.abspath(os.path.expanduser(data_dir)), "token_stores")
    folder = os.path.join(stores, key)
    if not _is_whole(folder, uses):
        with _room_for(data_dir), _aside(stores, key) as aside:
            _write(source, tokenizer, fraction, aside, uses, made_from, progress)
            _publish(aside, folder, uses)
    return folder


def _is_whole(folder: str, uses) -> bool:
    try:
        for use in uses:
            TokenStore(os.path.join(folder, use))
    except DamagedStore:
        return False
    return True


def _write(source, tokenizer, fraction, folder, uses, made_from, progress) -> None:
    writers = {use: TokenStoreWriter(os.path.join(folder, use), tokenizer) for use in uses}
    try:
        with _bar(source, progress) as advance:
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


def _publish(aside: str, folder: str, uses) -> None:
    """Renames `aside` to `folder`, unless another process got there first with a whole store."""
    os.remove(os.path.join(aside, LOCK))
    while True:
        try:
            return os.rename(aside, folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if _is_whole(folder, uses):
            return None
        with contextlib.suppress(FileNotFoundError):
            damaged = tempfile.mkdtemp(prefix=ASIDE, dir=os.path.dirname(folder))
            os.rename(folder, damaged)
            shutil.rmtree(damaged, ignore_errors=True)


@contextlib.contextmanager
def _aside(stores: str, key: str):
    """A new folder beside the stores, locked while this process lives and removed if it is left."""
    os.makedirs(stores, exist_ok=True)
    _remove_abandoned(stores)
    aside = os.path.join(stores, f"{ASIDE}{key}-{uuid.uuid4().hex}")
    os.mkdir(aside)
    try:
        with open(os.path.join(aside, LOCK), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _remove_abandoned(stores: str) -> None:
    """Removes what builds left behind that were killed: nobody holds their locks any more."""
    for entry in os.scandir(stores):
        if not entry.name.startswith(ASIDE) or time.time() - entry.stat().st_mtime < 60:
            continue
        with contextlib.suppress(OSError), open(os.path.join(entry.path, LOCK), "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry.path, ignore_errors=True)


@contextlib.contextmanager
def _room_for(data_dir: str):
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise UsageError(
                f"--data_dir: there is no room for the tokens in {data_dir} ({error.strerror}). "
                "Free some, or give a folder on another disk; nothing half-written was left."
            ) from error
        raise UsageError(
            f"--data_dir: cannot keep the tokens in {data_dir}: {error.strerror or error}."
        ) from error


@contextlib.contextmanager
def _bar(source: Source, shown: bool):
    columns = (
        bars.TextColumn("Tokenizing {task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    console = bars.Console(stderr=True)
    with bars.Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(source.name[-40:], total=source.total_bytes)
        yield lambda num_bytes: bar.advance(task, num_bytes)
