"""Files of a store on disk: written once, hashed as they are written, checked when opened."""

import hashlib
import json
import os

MANIFEST = "manifest.json"
# Files up to this size are hashed when a store is opened; of larger ones only the size is checked.
HASHED_BYTES = 64 << 20


class DamagedStore(ValueError):
    """The folder is not a whole store."""


class HashedFile:
    """A file that is written once, whose size and sha256 are known when it is finished."""

    def __init__(self, path: str):
        self._file = open(path, "wb")
        self._digest = hashlib.sha256()

    def write(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)

    def finish(self) -> dict:
        """Brings it to the disk. Returns {"bytes": size, "sha256": hexadecimal digest}."""
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return {"bytes": size, "sha256": self._digest.hexdigest()}

    def close(self) -> None:
        """Lets go of it, finished or not."""
        try:
            self._file.close()
        except OSError:  # a full disk again: what is still in the buffer is lost, as it should be
            pass


def write_manifest(folder: str, manifest: dict) -> None:
    """Writes manifest.json, which makes the store whole."""
    file = HashedFile(os.path.join(folder, MANIFEST))
    file.write(json.dumps(manifest, indent=2).encode())
    file.finish()


def checked_manifest(folder: str, store_format) -> dict:
    """What manifest.json holds, once the other files are found to be as it says.

    Raises:
        DamagedStore: if the manifest is of another format, or a file is missing or is not
            as long (or, up to 64 MB, not the same) as when it was written.
    """
    try:
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            manifest = json.load(file)
    except (OSError, ValueError) as error:
        raise DamagedStore(f"{folder} holds no readable {MANIFEST}: {error}") from error
    if manifest.get("format") != store_format:
        raise DamagedStore(f"{folder} is of format {manifest.get('format')}, not {store_format}.")
    for name, facts in manifest["files"].items():
        _check_file(os.path.join(folder, name), facts)
    return manifest


def _check_file(path: str, facts: dict) -> None:
    size = os.path.getsize(path) if os.path.exists(path) else None
    if size != facts["bytes"]:
        raise DamagedStore(f"{path} should hold {facts['bytes']} bytes. Found: {size}.")
    if size > HASHED_BYTES:
        return
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != facts["sha256"]:
            raise DamagedStore(f"{path} is not what was written: its sha256 differs.")
