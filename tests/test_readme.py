"""The README's commands and code run at a tiny size, in its order; its tables are the code's."""

import dataclasses
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.signature_table import OTHER, names_in, signature_table, signatures_in
from tfzoo.generation import DecodingOptions
from tfzoo.serving import check
from tfzoo.serving.signatures import OFFERED, SIGNATURES
from tfzoo.tasks import TASKS
from tfzoo.train import TrainFlags
from tfzoo.training import metrics

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

# Only these are not run, and why.
NOT_RUN = {
    "make quickstart": "minutes long; CI and the release run it",
    "make test": "this is it",
    "pip install": "would change the environment that the tests run in",
    "tensorboard": "does not end",
    "docker": "needs Docker",
    "curl": "needs the server",
    "python saved_models": "needs the server",
    "import grpc": "needs the server",
}
# What is added to a training command, so that it takes seconds. Nothing else is changed.
TINY = (
    "--model_overrides=num_layers=1,num_heads=2,hidden_dim=16 --sequence_length=16 --train_steps=3 "
    "--warmup_steps=1 --global_batch_size=4 --vocabulary_size=300 --precision=float32 "
    "--export_dir="  # That takes longer than to train so little, and has a command of its own.
)
ADJECTIVES = ("fine", "dull", "loud", "slow", "bright", "silent", "sharp")
NOUNS = ("film", "song", "tale", "play", "scene", "voice", "plot")
SLOW_SECTIONS = {
    "Other models, other tasks",
    "Fine-tuning",
    "Conversations",
    "Smaller files",
    "Several devices, several machines",
}


def blocks(language):
    """(section, code) of each fenced block of a language, in order."""
    found = []
    for section in re.split(r"^## ", README, flags=re.M):
        title = section.splitlines()[0]
        codes = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
        found += [(title, code) for code in codes]
    return found


def is_run(code):
    return not code.startswith(tuple(NOT_RUN))


def commands(code):
    """The commands of a shell block: its lines, or the whole of it when it is a loop."""
    return [code] if code.startswith("for ") else code.splitlines()


def made_tiny(command):
    """The command with TINY at the end of each training program's arguments."""
    program = r"(python -m tfzoo\.train [^&\n]*?)( *&?)$"
    return re.sub(program, rf"\1 {TINY}\2", command, flags=re.M)


SHELL = [
    (title, command)
    for title, code in blocks("sh")
    for command in commands(code)
    if is_run(command)
]
PYTHON = [(title, code) for title, code in blocks("python") if is_run(code)]
FOLDERS = re.compile(r"\b(?:runs|theirs|saved_models)/\w+")
# The first command that names a folder makes it.
MAKERS = {name: code for _, code in reversed(SHELL) for name in FOLDERS.findall(code)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader would stand: a clone with text of their own beside it."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "experiments").symlink_to(ROOT / "experiments")
    for name in ("my", "other"):
        (folder / name).mkdir()
        (folder / name / "tale.txt").write_text(f"Once upon a time, {name} tale began. " * 60)
    rows = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    labelled = [f"a {row},{'good' if 'fine' in row else 'bad'}" for row in rows]
    (folder / "my" / "reviews.csv").write_text("\n".join(["text,label", *labelled]))
    (folder / "my" / "bias.tsv").write_text("more\tless\tgroup\nhe is\tshe is\tgender\n")
    pairs = [f"the {row}\tder {row[::-1]}" for row in rows]
    (folder / "my" / "pairs.tsv").write_text("\n".join(["source\ttarget", *pairs]))
    talks = [{"turns": [f"is it a {row}?", f"a {row} it is", "so"]} for row in rows]
    (folder / "my" / "talks.jsonl").write_text("\n".join(map(json.dumps, talks)))
    return folder


@pytest.fixture(scope="module")
def environment(folder):
    """The reader's: a home of their own, and `python` is the one that runs the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "HOME": str(folder), "PATH": path, "PYTHONPATH": str(ROOT)}


def make(code, folder, environment):
    """Makes the folders that code reads, where no test before it has: it may be the only one."""
    for name in FOLDERS.findall(code):
        maker = MAKERS.get(name, code)
        if maker != code and not (folder / name).exists():
            make(maker, folder, environment)
            run(["bash", "-euc", made_tiny(maker)], folder, environment)


def marked(cases):
    slow = pytest.mark.slow
    return [pytest.param(*case, marks=slow if case[0] in SLOW_SECTIONS else ()) for case in cases]


# The first command of each program: the first of all in a process of its own, as a reader has it;
# the others, and what is in Python, too by the slow tests.
FIRST = {re.search(r"tfzoo\.\w+", command)[0]: command for _, command in reversed(SHELL)}


def run_here(code, folder, monkeypatch):
    """As in a process of its own, less the seconds that it takes to import TensorFlow."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(check, "TIMED_SECONDS", 0.05)  # An export's requests, by the clock.
    if code.startswith("python -m "):
        name, *arguments = shlex.split(code)[2:]
        assert importlib.import_module(name).main(arguments) == 0
    else:
        exec(code, {"__name__": "__main__"})


def run(command, folder, environment):
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("title", "command"),
    marked(SHELL),
    ids=[re.search(r"tfzoo\.\w+", command)[0] for _, command in SHELL],
)
def test_command_runs(title, command, folder, environment, monkeypatch):
    make(command, folder, environment)
    if (
        command == SHELL[0][1]
        or not command.startswith("python ")
        or "--num_virtual_dev" in command
    ):
        run(["bash", "-euc", made_tiny(command)], folder, environment)
    else:
        run_here(made_tiny(command), folder, monkeypatch)
    for name in re.findall(r"tfzoo\.train .*--model_dir=(\S+)", command):  # jobs may fail unseen
        assert (folder / name).exists() == ("--dry_run" not in command)
        assert "--dry_run" in command or metrics.read_rows(folder / name)[-1]["step"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_program_runs_in_a_process_of_its_own(name, folder, environment):
    make(FIRST[name], folder, environment)
    run(["bash", "-euc", made_tiny(FIRST[name])], folder, environment)


@pytest.mark.parametrize(("title", "code"), marked(PYTHON), ids=range(len(PYTHON)))
def test_python_runs(title, code, folder, environment, monkeypatch):
    make(code, folder, environment)
    run_here(code, folder, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for _, code in PYTHON], ids=range(len(PYTHON)))
def test_python_runs_in_a_process_of_its_own(code, folder, environment):
    make(code, folder, environment)
    run([sys.executable, "-c", code], folder, environment)


def test_nothing_is_left_out_without_a_reason():
    everything = [code for _, block in blocks("sh") for code in commands(block)]
    everything += [code for _, code in blocks("python")]
    skipped = [code for code in everything if not is_run(code)]
    assert {reason for reason in NOT_RUN if any(code.startswith(reason) for code in skipped)} == {
        *NOT_RUN
    }
    assert len(SHELL) + len(PYTHON) + len(skipped) == len(everything)


def test_first_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"\bmake (\w[\w-]*)", " ".join(code for _, code in blocks("sh")))
    assert named == ["quickstart", "test"]
    assert set(named) <= set(targets)


def option_rows(options, prefix):
    """A table of the README, as a record of options has it."""
    for field in dataclasses.fields(options):
        shown = "" if field.default in (None, "", ()) else f"`{field.default}`"
        choices = field.metadata.get("choices")
        text = field.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")
        yield f"| `{prefix}{field.name}` | {shown} | {text} |"


def test_flag_table_is_the_configuration():
    found = [line for line in README.splitlines() if line.startswith("| `--")]
    assert found == [*option_rows(TrainFlags, "--")]


def test_option_table_is_what_decoding_takes():
    assert "\n".join(option_rows(DecodingOptions, "")) in README


def test_links_lead_to_files():
    links = [link for link in re.findall(r"\]\((\S+?)\)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.fixture(scope="module")
def exported(folder, environment):
    """Input and output names of each signature of what the README's commands exported."""
    make("saved_models/mine", folder, environment)
    versions = (folder / "saved_models" / "mine").iterdir()
    newest = max(versions, key=lambda path: int(path.name))
    return {name: list(map(sorted, sides)) for name, sides in signatures_in(newest).items()}


def test_signature_table_has_what_export_writes(exported):
    documented = signature_table()
    assert set(exported) < {"serving_default", *documented}
    assert {name.removesuffix(OTHER) for name in documented} == set(SIGNATURES)
    for name, names in exported.items():
        assert name == "serving_default" or documented[name] == names


def test_tasks_have_the_signatures_of_their_table():
    rows = re.findall(r"^\| (`.*?) \| ((?:`\w+`,? ?)+)(.*?) \|$", README, re.M)
    rows = [row for row in rows if set(names_in(row[1])) <= set(SIGNATURES)]
    documented = {task: row[1] for row in rows for task in names_in(row[0])}
    assert set(documented) == set(TASKS)
    for task, signatures in documented.items():
        assert re.findall(r"`(\w+)`", signatures) in [list(names) for names in OFFERED.values()], (
            task
        )


def test_rest_examples_give_every_input(exported):
    codes = [code for _, block in blocks("sh") for code in commands(block)]
    given = [shlex.split(code)[-1] for code in codes if code.startswith("curl")]
    bodies = [json.loads(body) for body in given if not body.startswith("@")]
    assert len(bodies) == 2
    for body in bodies:
        inputs, _ = exported[body.get("signature_name", "serving_default")]
        assert [sorted(row) for row in body["instances"]] == [inputs]


def test_the_model_card_tells_each_signature(exported, folder):
    card = (folder / "saved_models" / "mine" / "1" / "MODEL_CARD.md").read_text()
    assert all(f"| `{name}` |" in card for name in exported)
    assert "## Latency" in card and str(folder) not in card


def test_requests_that_are_sent_stand_in_the_export(exported, folder):
    codes = [code for _, block in blocks("sh") for code in commands(block)]
    paths = [path for code in codes for path in re.findall(r"saved_models/mine/1/\S+", code)]
    assert {Path(path).suffix for path in paths} == {".json", ".py", ".pb"}
    assert all((folder / path).is_file() for path in paths)
