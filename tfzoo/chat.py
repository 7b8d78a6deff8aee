"""`python -m tfzoo.chat`: a conversation with a trained model."""

import contextlib
import dataclasses
import itertools
import json
import re
import sys
from dataclasses import field

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.generation.options import option

COMMANDS = """\
/reset       forget what was said, and start anew
/save FILE   add the conversation to a .jsonl file, as --task=dialogue --text_files reads it
/help        show these commands
/quit        leave; so do Ctrl-D and Ctrl-C"""
_COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChatFlags:
    """The flags of `python -m tfzoo.chat`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    max_new_tokens: int = field(default=128, metadata={"help": "Tokens of a reply at most."})
    temperature: float = option("temperature", 0.7)
    top_k: int = option("top_k", 0)
    top_p: float = option("top_p", 0.9)
    min_p: float = option("min_p", 0.0)
    repetition_penalty: float = option("repetition_penalty", 1.0)
    frequency_penalty: float = option("frequency_penalty", 0.0)
    no_repeat_ngram_size: int = option("no_repeat_ngram_size", 0)
    min_new_tokens: int = option("min_new_tokens", 0)
    stop_token_ids: tuple[int, ...] = option("stop_token_ids", ())
    stop_strings: tuple[str, ...] = option("stop_strings", ())
    seed: int = field(
        default=0, metadata={"help": "The same seed gives the same replies to the same turns."}
    )


class Conversation:
    """What was said so far, and who replies.

    Args:
        trained: `language_model.LanguageModel`.
        options: dict of the numbers that `trained.reply` takes.

    Attributes:
        turns: list of str.
    """

    def __init__(self, trained, options):
        self._trained, self._options = trained, options
        self.turns = []

    def reply(self, turn):
        """Takes a turn, and gives the reply as it comes: an iterator of str.

        A reply that stops before its end is remembered as far as it came; one without words is
        no turn, and what it would have replied to is forgotten: turns alternate.
        """
        self.turns.append(turn)
        seed = self._options["seed"] + len(self.turns)  # A turn said twice may be replied to anew.
        pieces = self._trained.reply(self.turns, **{**self._options, "seed": seed})
        said = []
        try:
            for piece in pieces:
                said.append(piece)
                yield piece
        finally:
            if "".join(said).strip():
                self.turns.append("".join(said))
            else:
                self.turns.pop()

    def command(self, name, argument):
        """Does what a command says, and returns what is to be told, or None to leave.

        Raises:
            UsageError: if there is no such command, or it cannot be done.
        """
        if name == "quit":
            return None
        if name == "reset":
            self.turns = []
            return "What was said is forgotten."
        if name == "save":
            return self._save(argument)
        if name == "help":
            return COMMANDS
        raise UsageError(f"There is no command /{name}. Commands:\n{COMMANDS}")

    def _save(self, path):
        if not path or not path.endswith(".jsonl"):
            raise UsageError(f"/save must name a .jsonl file. Received: /save {path or ''}")
        if len(self.turns) < 2:
            raise UsageError("/save: nothing has been replied to yet.")
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"turns": self.turns}, ensure_ascii=False) + "\n")
        except OSError as error:
            raise UsageError(f"/save {path}: cannot be written ({error.strerror}).") from error
        return f"Added {len(self.turns)} turns to {path}."


def chat(given: ChatFlags) -> int:
    """Talks with a decoder that has learnt dialogues (--task=dialogue): a line is a turn.

    python -m tfzoo.chat --model_dir=runs/talk

    Lines may come from a pipe: then each reply is printed on one line, and nothing else; what
    cannot be done is told on stderr. The model reads the turns so far, the oldest left out where
    its context has no room for them. Commands: /reset, /save FILE, /help, /quit.
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    with contextlib.suppress(KeyboardInterrupt):
        options = dataclasses.asdict(given)
        trained = _decoder(options.pop("model_dir"))
        trained.reply([""], **options)  # Numbers out of range are refused before the first turn.
        conversation = Conversation(trained, options)
        sys.stdin.reconfigure(errors="replace")  # What is typed need not be valid Unicode.
        sys.stdout.reconfigure(errors="replace")
        (_on_terminal if sys.stdin.isatty() else _on_pipe)(conversation)
        return 0
    print()  # The cursor stands behind what Ctrl-C has cut short.
    return 0


def _decoder(model_dir):
    from tfzoo import zoo

    trained = zoo.load(model_dir)
    if trained.model.kind != "decoder":
        raise UsageError(
            f"--model_dir={model_dir}: its model is of the kind {trained.model.kind}, and only a "
            "decoder converses. Give a run of --task=dialogue with a decoder, such as "
            "--preset=gpt2_small."
        )
    return trained


def _on_terminal(conversation):
    with contextlib.suppress(ImportError):  # Windows has none.
        import readline  # noqa: F401  `input` then has a history.
    print("A line is a turn; /help shows the commands.")
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            print()
            return
        try:
            if not _answer_on_terminal(conversation, line):
                return
        except UsageError as error:
            print(error)


def _answer_on_terminal(conversation, line):
    """Answers a line, and returns whether to go on."""
    if found := _COMMAND.fullmatch(line):
        told = conversation.command(*found.groups())
        if told is not None:
            print(told)
        return told is not None
    if line:
        for piece in itertools.chain(conversation.reply(line), ["\n"]):
            print(piece, end="", flush=True)
    return True


def _on_pipe(conversation):
    for line in map(str.strip, sys.stdin):
        try:
            if not _answer_on_pipe(conversation, line):
                return
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)


def _answer_on_pipe(conversation, line):
    """Answers a line, and returns whether to go on."""
    if found := _COMMAND.fullmatch(line):
        return conversation.command(*found.groups()) is not None
    if line:
        print(" ".join("".join(conversation.reply(line)).splitlines()), flush=True)
    return True


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(chat, ChatFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
