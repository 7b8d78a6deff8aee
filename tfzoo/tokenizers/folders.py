"""A tokenizer's folder, or a file in it: read with clear errors, written whole or not at all."""

import json
import os
import shutil
from pathlib import Path

from tfzoo.errors import UsageError

HEADER = "tfzoo_tokenizer.json"
_FORMAT = 1
_KIND_OF_FILE = {  # what published models come with
    "tokenizer.json": "published",
    "vocab.json": "byte_pair",
    "merges.txt": "byte_pair",
    "vocab.txt": "word_piece",
    "*.model": "sentence_piece",
}
_MORE_FILES = (  # of transformers
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "config.json",
)
_BERT = {"do_lower_case", "strip_accents", "tokenize_chinese_chars"}
_ALONE = {"byte_pair": set(), "word_piece": _BERT}  # the keys of a configuration that are known


def broken(folder, fault: str, remedy: str) -> UsageError:
    """The error that says what is wrong with a folder, and how to mend it."""
    return UsageError(f"`--tokenizer={folder}` {fault}. {remedy}")


def kind_of(path) -> str:
    """The kind of a published model's file; of a folder, what its header names, else its files."""
    folder = Path(path)
    if folder.is_file():
        return _kind_of_file(folder)
    if not folder.is_dir():
        raise broken(
            folder,
            "is neither a folder nor a file",
            "Give a tokenizer's folder, or the name of a kind, such as byte_pair, to make one.",
        )
    if (folder / HEADER).exists():
        return str(_read_header(folder)["kind"])
    for pattern, kind in _KIND_OF_FILE.items():
        if any(folder.glob(pattern)):
            return "published" if kind in _ALONE and _says_more(folder, kind) else kind
    raise broken(
        folder,
        f"holds no tokenizer: neither {HEADER}, nor {', '.join(_KIND_OF_FILE)}",
        "Give a folder that tfzoo saved, or one with the files of a published model.",
    )


def _kind_of_file(path: Path) -> str:
    for pattern, kind in _KIND_OF_FILE.items():
        if path.match(pattern):
            return kind
    raise broken(
        path,
        "is no file of a tokenizer",
        f"Give a tokenizer's folder, or a published model's {', '.join(_KIND_OF_FILE)}.",
    )


def place_of(path) -> Path:
    """The folder that a file stands for; a .model, of which there may be several, is itself."""
    path = Path(path)
    return path.parent if path.is_file() and path.suffix != ".model" else path


def _says_more(folder: Path, kind: str) -> bool:
    """Whether files of transformers beside the vocabulary say what the kind does not know."""
    if any((folder / name).exists() for name in _MORE_FILES):
        return True
    path = folder / "tokenizer_config.json"
    found = read_json(folder, path.name) if path.exists() else {}
    return isinstance(found, dict) and not found.keys() <= _ALONE[kind]


def header(kind: str, special_tokens: dict[str, str]) -> bytes:
    """The bytes of the small file that tells what a folder holds."""
    return to_json({"format": _FORMAT, "kind": kind, "special_tokens": special_tokens})


def special_tokens(folder, kind: str) -> dict[str, str]:
    """Role to special token, as the header has them; empty where the kind has no header."""
    found = _read_header(folder) if (Path(folder) / HEADER).exists() else {}
    return found["special_tokens"] if found.get("kind") == kind else {}


def _read_header(folder) -> dict:
    found = read_json(folder, HEADER)
    try:
        known = found["format"] == _FORMAT and found["kind"] and found["special_tokens"]
        known = known and "end_of_text" in found["special_tokens"]
    except (TypeError, KeyError):
        known = False
    if not known:
        raise broken(
            folder, f"has a {HEADER} that this version cannot read", "Save the tokenizer again."
        )
    return found


def read_text(folder, name: str) -> str:
    """The UTF-8 text of one of the folder's files."""
    try:
        return (Path(folder) / name).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise broken(folder, f"has no {name}", "Copy the missing file there.") from None
    except UnicodeDecodeError as error:
        raise broken(folder, f"has a {name} that is not UTF-8 ({error})", _COPY_AGAIN) from None
    except OSError as error:
        raise broken(folder, f"has a {name} that cannot be read ({error})", _COPY_AGAIN) from None


def read_own(folder, name: str) -> bytes:
    """The content of one of the folder's files, which may be no link to somewhere else.

    The links of a hub's cache lead to where it keeps the files of the folder.
    """
    path, folder = Path(folder) / name, Path(folder)
    places = [folder.resolve()]
    if places[0].parent.name == "snapshots":
        places.append(places[0].parent.parent / "blobs")
    if not any(path.resolve().is_relative_to(place) for place in places):
        raise broken(
            folder, f"has a {name} that is a link out of the folder", "Put the file itself there."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise broken(folder, f"has a {name} that cannot be read ({error})", _COPY_AGAIN) from None


def read_json(folder, name: str):
    """What one of the folder's JSON files holds."""
    try:
        return json.loads(read_text(folder, name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise broken(folder, f"has a {name} that is not JSON ({error})", _COPY_AGAIN) from None


def to_json(content) -> bytes:
    """JSON as it is written: ASCII, one line."""
    return (json.dumps(content) + "\n").encode("ascii")


def write(folder, files: dict[str, bytes]) -> None:
    """Writes the files into a new folder, aside first; no reader ever sees half of them.

    Does nothing if the folder has these very files already.

    Raises:
        UsageError: if the folder holds anything else.
    """
    folder = Path(os.path.abspath(folder))
    if _holds(folder, files):
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"A tokenizer is saved to a new folder, but {folder} holds something else already. "
            "Choose another, or remove it."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        for name, content in files.items():
            _write_through(aside / name, content)
        _sync(aside)
        os.rename(aside, folder)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    _sync(folder.parent)


def _holds(folder: Path, files: dict[str, bytes]) -> bool:
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in files.items()
    )


def _write_through(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_COPY_AGAIN = "The file is damaged: copy the folder again from where it was made."
