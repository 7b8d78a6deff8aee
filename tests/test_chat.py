"""`python -m tfzoo.chat` by a pipe and by a real terminal, with dialogues learnt by heart."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tfzoo
from benchmarks import replies
from tfzoo import chat, data, models, tokenizers, train
from tfzoo.pretrained import write_tokenizer
from tfzoo.tasks import dialogue
from tfzoo.training.checkpoints import Checkpoints

ROOT = Path(__file__).parents[1]
TALKS = [["hi", "hello", "and you?", "fine"], ["and you?", "who is it?"], ["bye", "so\nlong"]]
WAIT = 120.0  # seconds

pytestmark = pytest.mark.skipif(not hasattr(os, "login_tty"), reason="needs a pseudo-terminal")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """A run that has learnt the dialogues by heart."""
    folder = tmp_path_factory.mktemp("talk")
    talks = folder / "talks.jsonl"
    talks.write_text("".join(json.dumps({"turns": turns}) + "\n" for turns in TALKS))
    files = f"--text_files={talks} --validation_files={shutil.copy(talks, folder / 'again.jsonl')}"
    folders = f"--model_dir={folder / 'run'} --data_dir={folder / 'data'} --export_dir= --jit=false"
    sizes = "--model_overrides=num_layers=1,num_heads=2,hidden_dim=32 --sequence_length=64"
    steps = "--global_batch_size=3 --train_steps=150 --warmup_steps=10 --learning_rate=1e-2"
    learning = "--task=dialogue --preset=gpt2_tiny --tokenizer=bytes --dropout=0 --weight_decay=0"
    assert train.main(f"{files} {folders} {sizes} {steps} {learning}".split()) == 0
    return folder / "run"


def command(model_dir, *flags):
    return [sys.executable, "-m", "tfzoo.chat", f"--model_dir={model_dir}", *flags]


class Terminal:
    """A program in a pseudo-terminal.

    Attributes:
        screen: str, what it has shown so far, the echo of what was typed included.
    """

    def __init__(self, command):
        self._end, other = pty.openpty()
        environment = {**os.environ, "TERM": "dumb"}
        self._program = subprocess.Popen(
            command, cwd=ROOT, env=environment, preexec_fn=lambda: self._take(other)
        )
        os.close(other)
        self.screen = ""

    @staticmethod
    def _take(other):
        os.login_tty(other)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # pytest-xdist's processes ignore it.

    def type(self, keys):
        os.write(self._end, keys.encode())

    def wait_for(self, text):
        """Reads until the screen ends with a text."""
        until = time.monotonic() + WAIT
        while not self.screen.endswith(text):
            assert select.select([self._end], [], [], until - time.monotonic())[0], self.screen
            self.screen += os.read(self._end, 1024).decode().replace("\r\n", "\n")

    def exit_code(self):
        code = self._program.wait(WAIT)
        os.close(self._end)
        return code


def test_by_a_pipe_a_line_is_a_turn_and_a_reply_a_line(model_dir, tmp_path):
    saved = tmp_path / "said.jsonl"
    lines = ["hi", "", "and you?", f"/save {saved}", "/reset", "and you?", "/reset", "bye"]
    done = subprocess.run(
        command(model_dir, "--temperature=0"),
        cwd=ROOT,
        input="\n".join(lines),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("hello\nfine\nwho is it?\nso long\n", 0), done.stderr
    source = data.examples.open_examples("dialogue", files=(str(saved),))
    assert list(source.examples()) == [{"turns": TALKS[0]}]


@pytest.mark.slow
def test_by_a_pipe_what_cannot_be_saved_is_told_and_it_goes_on(model_dir, tmp_path):
    done = subprocess.run(
        command(model_dir, "--temperature=0"),
        cwd=ROOT,
        input=f"hi\n/save {tmp_path}/none/said.jsonl\nand you?\n",
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("hello\nfine\n", 0), done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    path = tmp_path / "none" / "said.jsonl"
    assert told == [f"error: /save {path}: cannot be written (No such file or directory)."]


def with_template(model_dir, folder, template, task="causal_lm"):
    """The run with the same tokenizer, as transformers would save it with a chat template."""
    shutil.copytree(model_dir, folder)
    tokenizer = tokenizers.load(folder / "tokenizer")
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    write_tokenizer(tokenizer, folder / "tokenizer")
    (folder / "tokenizer" / "chat_template.jinja").write_text(template)
    run = json.loads((folder / "run.json").read_text())
    run["flags"]["task"] = task
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.mark.slow
def test_a_chat_template_says_how_turns_are_read(model_dir, tmp_path):
    template = "{% for m in messages %}{{ m.content | lower }}{{ eos_token }}{% endfor %}"
    folder = with_template(model_dir, tmp_path / "run", template)
    done = subprocess.run(
        command(folder, "--temperature=0"),
        cwd=ROOT,
        input="HI\nAnd you?\n",
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("hello\nfine\n", 0), done.stderr


@pytest.mark.slow
def test_what_has_learnt_dialogues_goes_by_no_template(model_dir, tmp_path):
    loaded = tfzoo.load(with_template(model_dir, tmp_path / "run", "no", "dialogue"))
    assert "".join(loaded.reply(["hi"], max_new_tokens=20, temperature=0.0)) == "hello"


def test_a_chat_template_of_no_use_is_told_before_the_first_turn(model_dir, tmp_path, capsys):
    folder = with_template(model_dir, tmp_path / "run", "{{ ''.__class__.__mro__ }}")
    assert chat.main([f"--model_dir={folder}"]) == 2
    assert "chat template cannot be used: SecurityError" in capsys.readouterr().err


@pytest.mark.slow
def test_on_a_terminal_it_prompts_tells_of_mistakes_and_ends_by_ctrl_d(model_dir, tmp_path):
    terminal = Terminal(command(model_dir, "--temperature=0"))
    terminal.wait_for("/help shows the commands.\n> ")
    terminal.type("hi\n")
    terminal.wait_for("> hi\nhello\n> ")
    terminal.type("/help\n")
    terminal.wait_for(f"{chat.COMMANDS}\n> ")
    terminal.type("/sing\n")
    terminal.wait_for(f"There is no command /sing. Commands:\n{chat.COMMANDS}\n> ")
    terminal.type(f"/save {tmp_path}/none/said.jsonl\n")
    terminal.wait_for("cannot be written (No such file or directory).\n> ")
    terminal.type("/reset\n")
    terminal.wait_for("What was said is forgotten.\n> ")
    terminal.type("\x10\x10\x10\x10\x10\n")  # Ctrl-P: what was typed five lines ago.
    terminal.wait_for("\nhello\n> ")
    terminal.type("\x04")
    assert terminal.exit_code() == 0


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_traceback(model_dir):
    terminal = Terminal(command(model_dir))
    terminal.wait_for("/help shows the commands.\n> ")
    time.sleep(1.0)  # Python's readline overlooks a signal between prompt and wait for keys.
    terminal.type("\x03")
    assert terminal.exit_code() == 0
    assert "Traceback" not in terminal.screen


@pytest.fixture(scope="module")
def trained(model_dir):
    return tfzoo.load(model_dir)


@pytest.mark.slow
def test_a_reply_depends_on_its_turn_and_the_seed(trained):
    options = {"max_new_tokens": 20, "temperature": 5.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    talks = [chat.Conversation(trained, options) for _ in range(2)]
    first, again = (["".join(talk.reply("hi")) for _ in range(3)] for talk in talks)
    assert first == again
    assert len(set(first)) == 3


def test_spaces_around_a_turn_that_was_learnt_are_nothing(trained):
    options = {"max_new_tokens": 20, "temperature": 0.0}
    padded, plain = ("".join(trained.reply([turn], **options)) for turn in ("  hi ", "hi"))
    assert padded == plain == "hello"
    assert dialogue.turn_ids(trained.tokenizer, ["  hi "]) == dialogue.turn_ids(
        trained.tokenizer, ["hi"]
    )


def test_turns_alternate_though_a_reply_is_empty(trained, tmp_path):
    talk = chat.Conversation(trained, {"max_new_tokens": 20, "temperature": 0.0, "seed": 0})
    list(talk.reply("hi"))
    talk._options["max_new_tokens"] = 0
    assert "".join(talk.reply("what?")) == ""
    assert talk.turns == ["hi", "hello"]


def test_a_long_conversation_keeps_its_latest_turns(trained):
    earlier = ["a turn", "another"] * 20
    long, kept = (
        "".join(trained.reply(turns, max_new_tokens=40, temperature=0.0))
        for turns in ([*earlier, "hi"], [*earlier[-3:], "hi"])  # 26 of 32 tokens.
    )
    assert long == kept


@pytest.mark.parametrize(
    ("line", "message"),
    [("save said.txt", "must name a .jsonl file"), ("save said.jsonl", "nothing has been replied")],
)
def test_what_cannot_be_saved_is_told(trained, line, message):
    with pytest.raises(tfzoo.UsageError, match=message):
        chat.Conversation(trained, {}).command(*line.split())


def test_numbers_out_of_range_are_refused_before_the_first_turn(model_dir, capsys):
    assert chat.main([f"--model_dir={model_dir}", "--temperature=-1"]) == 2
    assert "`temperature` must be a number, 0 or more" in capsys.readouterr().err


def test_a_model_that_does_not_write_is_refused(tmp_path, capsys):
    tokenizer = tokenizers.train("word_piece", ["some words to read"] * 9, 40)
    tokenizer.save(tmp_path / "tokenizer")
    model = models.MODELS["bert"].from_preset("bert_tiny", vocabulary_size=40, hidden_dim=16)
    models.save_config(model, tmp_path / "model.json")
    weights = {f"model/{weight.path}": weight.numpy() for weight in model.weights}
    Checkpoints(tmp_path / "checkpoints").save(1, weights, {})
    assert chat.main([f"--model_dir={tmp_path}"]) == 2
    assert "only a decoder converses" in capsys.readouterr().err


@pytest.mark.slow
def test_the_benchmark_of_replies_counts_prompts_with_one_reply(model_dir, capsys):
    replies.main([f"--model_dir={model_dir}"])
    counted = {"prompts": 3, "unambiguous": 3, "exact": 3, "share": 1.0}
    assert json.loads(capsys.readouterr().out) == counted


def test_a_prompt_with_two_replies_is_ambiguous():
    talks = [["hi", "hello"], ["hi ", "yo", "so"], ["bye", "so\nlong"], ["bye", "so long", "well"]]
    assert replies.replies_by_prompt(talks) == {"hi": {"hello", "yo"}, "bye": {"so long"}}
