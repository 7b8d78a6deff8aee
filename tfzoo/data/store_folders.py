"""Where stores are kept: found by what they are made from, or built aside and renamed."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable

from rich import progress as bars

from tfzoo.data.store_files import DamagedStore
from tfzoo.errors import UsageError

ASIDE = ".building-"
LOCK = ".lock"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def folder_of(data_dir: str, shelf: str, made_from) -> str:
    """Where what was made from this is, or would be; arguments as for `found_or_built`."""
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:32]
    return os.path.join(os.path.abspath(os.path.expanduser(data_dir)), shelf, key)


def found_or_built(
    data_dir: str,
    shelf: str,
    made_from,
    *,
    check: Callable[[str], None],
    write: Callable[[str], None],
) -> str:
    """The folder of what was made from this, built if it is not there or not whole.

    Processes may ask for the same one at once: each builds its own aside, the first
    to finish is kept. What a killed process left behind is removed.

    Args:
        data_dir: folder of all stores.
        shelf: folder of this kind of stores, inside `data_dir`.
        made_from: what the store depends on, as JSON takes it.
        check: function of a folder; raises DamagedStore if it is not whole.
        write: function of an empty folder; fills it.

    Raises:
        UsageError: if there is no room in `data_dir`, or it cannot be written.
    """
    folder = folder_of(data_dir, shelf, made_from)
    stores, key = os.path.split(folder)
    if not _is_whole(folder, check):
        with _room_for(data_dir), _aside(stores, key) as aside:
            write(aside)
            _publish(aside, folder, check)
    return folder


@contextlib.contextmanager
def progress_bar(name: str, total_bytes: int | None, shown: bool):
    """A bar on standard error while a store is built.

    Gives:
        Function, to be called with each number of bytes just done.
    """
    columns = (
        bars.TextColumn("Tokenizing {task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    console = bars.Console(stderr=True)
    with bars.Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(name[-40:], total=total_bytes)
        yield lambda num_bytes: bar.advance(task, num_bytes)


def _is_whole(folder: str, check) -> bool:
    try:
        check(folder)
    except DamagedStore:
        return False
    return True


def _publish(aside: str, folder: str, check) -> None:
    """Renames `aside` to `folder`, unless another process got there first with a whole store."""
    os.remove(os.path.join(aside, LOCK))
    while True:
        try:
            return os.rename(aside, folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if _is_whole(folder, check):
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
