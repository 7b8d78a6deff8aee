"""The house keeps its plan: ranks, names, docstrings, and a light front door."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tfzoo"
FILES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))
}
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MOST_PUBLIC_NAMES = 20
MOST_IMPORT_SECONDS = 0.5
HEAVY = {"tensorflow_text", "tensorflow_datasets", "tokenizers", "keras_hub", "torch"}


def ranks() -> dict[str, int]:
    """Room -> rank, from the table of ARCHITECTURE.md."""
    rows = re.findall(r"^\| `(\S+?)/?` \| (-?\d+) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.M)
    return {room: int(rank) for room, rank in rows}


def room_of(path: str) -> str:
    """The folder of a file of tfzoo, or the file's own name beside the folders."""
    return path.split("/")[0]


def imported_modules(path: str, source: str) -> set[str]:
    """Full dotted names of all that a file imports, wherever in the file it does."""
    package = ["tfzoo", *path.split("/")[:-1]]
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names |= {".".join([*base, alias.name]) for alias in node.names}
    return names


def imported_rooms(path: str, source: str) -> set[str]:
    """The rooms of tfzoo that a file imports from."""
    rooms = set()
    for name in imported_modules(path, source):
        parts = name.split(".")
        if parts[0] == "tfzoo":
            room = parts[1] if len(parts) > 1 else "__init__"
            rooms.add(room if room in ranks() else f"{room}.py")
    return rooms


def rank_breaches(files: dict[str, str]) -> list[str]:
    """One sentence for each import that climbs."""
    rank = ranks()
    return [
        f"{path} (rank {rank[room_of(path)]}) imports {room} (rank {rank.get(room, 'none')})"
        for path, source in files.items()
        for room in imported_rooms(path, source)
        if room != room_of(path) and rank.get(room, 99) >= rank[room_of(path)]
    ]


def test_every_room_has_a_rank_and_every_rank_a_room():
    assert {room_of(path) for path in FILES} == set(ranks())


def test_imports_only_go_down():
    assert not rank_breaches(FILES)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("layers/block.py", "from tfzoo.models import GPT2"),
        ("layers/block.py", "def late():\n    import tfzoo.models.gpt2"),
        ("models/gpt2.py", "from tfzoo import tokenizers"),
        ("models/gpt2.py", "from ..tokenizers import load"),
        ("training/loop.py", "from .. import generation"),
        ("tasks/causal_lm.py", "import tfzoo"),
        ("flags.py", "from tfzoo.zoo import load"),
        ("flags.py", "from tfzoo.unknown import thing"),
    ],
)
def test_an_import_that_climbs_is_seen(path, source):
    assert len(rank_breaches({path: source})) == 1


@pytest.mark.parametrize("source", ["from tfzoo.kernels import adamw", "from . import mask"])
def test_an_import_that_goes_down_or_stays_is_allowed(source):
    assert not rank_breaches({"layers/block.py": source})


def test_every_folder_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_no_file_is_named_for_leftovers():
    leftovers = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}
    assert not [path for path in FILES if path.split("/")[-1] in leftovers]


@pytest.mark.parametrize("path", FILES)
def test_no_private_keras_is_imported(path):
    modules = imported_modules(path, FILES[path])
    assert not [name for name in modules if name.startswith("keras.src")]


@pytest.mark.parametrize("path", FILES)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(FILES[path]))


@pytest.mark.parametrize("folder", FOLDERS)
def test_public_names_are_few_and_explained(folder):
    module = importlib.import_module(f"tfzoo.{folder}")
    assert len(module.__all__) <= MOST_PUBLIC_NAMES
    public = [getattr(module, name) for name in module.__all__]
    explainable = [thing for thing in public if inspect.isclass(thing) or inspect.isroutine(thing)]
    assert not [thing.__name__ for thing in explainable if not explained(thing)]


def explained(thing) -> bool:
    """Whether a class or function has a docstring of its own, not an inherited or generated one."""
    doc = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return bool(doc) and not doc.startswith(f"{thing.__name__}(")


IMPORTS = """
import json, sys, time
import tensorflow
start = time.perf_counter()
import tfzoo
seconds = time.perf_counter() - start
modules = [name.split(".")[0] for name in sys.modules]
for path in ("load", "models.GPT2.from_preset", "tokenizers.load", "layers.TransformerBlock"):
    thing = tfzoo
    for name in path.split("."):
        thing = getattr(thing, name)
    assert callable(thing), path
print(json.dumps({"seconds": seconds, "modules": modules}))
"""


def test_import_tfzoo_is_quick_loads_nothing_heavy_and_leads_to_what_the_readme_uses():
    def looks():
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, cwd=ROOT)
            assert done.returncode == 0, done.stderr.decode()
            found = json.loads(done.stdout)
            assert not HEAVY & set(found["modules"])
            yield found["seconds"]

    assert any(seconds < MOST_IMPORT_SECONDS for seconds in looks())  # stops at the first
