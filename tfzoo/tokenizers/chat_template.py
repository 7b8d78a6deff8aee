"""Chat templates: a conversation as a model was taught to read it, by Jinja, in a process apart.

A template is a program that comes with a model. It runs in Jinja's sandbox, and in a process whose
time and memory are bounded, so that it can neither reach out nor go on without end.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from tfzoo.errors import UsageError
from tfzoo.tokenizers.published import files as published_files
from tfzoo.tokenizers.tokenizer import as_text

_PROGRAM = Path(__file__).with_name("chat_template_process.py")
_SECONDS = 60
# Around special tokens that somebody typed: noncharacters of Unicode, which no text needs.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_NAMES = [f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")]


class ChatTemplate:
    """The template of a tokenizer.

    Args:
        source: str, in Jinja.
        variables: dict. What it reads besides the messages: the special tokens by their names.
        control_tokens: iterable of str. What only the template may write, and nobody type.
    """

    def __init__(self, source: str, variables: dict[str, str], control_tokens):
        self.source = source
        self.variables = variables
        longest_first = sorted(control_tokens, key=len, reverse=True)
        tokens = "|".join(map(re.escape, longest_first)) or "(?!)"
        self._typed = re.compile(tokens)
        self._marked = re.compile(f"{_OPEN}({tokens}){_CLOSE}|[{_OPEN}{_CLOSE}]")

    @classmethod
    def of(cls, files: dict[str, bytes], found):
        """The template that a folder has; None if it has none.

        Args:
            files: dict from name to content.
            found: `published.files.Description`.
        """
        source = found.config.get("chat_template")
        if published_files.TEMPLATE_FILE in files:
            source = files[published_files.TEMPLATE_FILE].decode("utf-8")
        if isinstance(source, list):
            source = {part["name"]: part["template"] for part in source}.get("default")
        if not source:
            return None
        variables = {"eos_token": found.roles["end_of_text"]} | {
            name: published_files.content(found.named[name])
            for name in _NAMES
            if found.named.get(name)
        }
        others = {t["content"] for t in found.added if t["content"] in source}
        return cls(source, variables, found.special | others)

    def render(self, conversations: list[list[dict]]) -> list[str]:
        """The text of each conversation, up to where the assistant is to say its next turn.

        Args:
            conversations: list of lists of messages, dicts with "role" and "content".

        Returns:
            list of str, for `parts`: what is a control token's name in a message is marked.

        Raises:
            UsageError: if the template is broken, refuses the conversation, tries to leave its
                sandbox, or takes too much time or memory.
        """
        conversations = [
            [message | {"content": self._mark(message["content"])} for message in messages]
            for messages in conversations
        ]
        given = {
            "template": self.source,
            "conversations": conversations,
            "variables": self.variables,
        }
        return _run(given)["texts"]

    def parts(self, text: str) -> list[tuple[str, bool]]:
        """The text in parts, and whether each is to be read as typed, letter by letter.

        Args:
            text: str, of `render`.
        """
        pieces = self._marked.split(text)
        return [(piece, n % 2 == 1) for n, piece in enumerate(pieces) if piece]

    def _mark(self, text):
        text = as_text(text).replace(_OPEN, "").replace(_CLOSE, "")
        return self._typed.sub(rf"{_OPEN}\g<0>{_CLOSE}", text)


def _run(given: dict) -> dict:
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM)],
            input=json.dumps(given).encode(),
            capture_output=True,
            timeout=_SECONDS,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # It was ended, and has said nothing.
        answer = {"error": "it takes more time or memory than any chat needs"}
    if "error" in answer:
        raise UsageError(
            f"The tokenizer's chat template cannot be used: {answer['error']}. Mend the "
            f"chat_template of {published_files.CONFIG_FILE} (or {published_files.TEMPLATE_FILE}), "
            "or take it out."
        )
    return answer
