"""Conversations in English from the PyPI package `chatterbot-corpus` (BSD licence)."""

import zipfile
from collections.abc import Iterator

from tfzoo.data.examples.named import NamedExamples
from tfzoo.data.packages import Wheel

WHEEL = Wheel(
    dataset="chatterbot",
    name="chatterbot-corpus",
    version="1.3.3",
    file="chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
    sha256="86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
)
FOLDER = "chatterbot_corpus/data/english/"


class Chatterbot(NamedExamples):
    """2,025 conversations, 1,946 of them a prompt and its reply: 2,306 replies in all.

    Only 898 of them differ: tech_support.yml says ten pairs, each about a hundred times. One entry
    of the package, in trivia.yml, is no list of turns but one text, and is left out (read letter by
    letter, it would make 87 replies more).

    Args:
        kind: one of `KINDS`: "dialogue".
        fields: role to field: "turns".
        data_dir: str. Folder for the download.
        on_bad_rows: "fail" or "skip".

    Raises:
        UsageError: if it cannot be fetched, or there is no such field.
    """

    name = "chatterbot"
    offered = ("turns",)
    contents = [WHEEL.sha256]
    total_bytes = 230_000

    def __init__(self, kind, *, fields, data_dir, on_bad_rows):
        super().__init__(kind, fields=fields, on_bad_rows=on_bad_rows)
        self.path = WHEEL.fetched(data_dir)

    def records(self) -> Iterator[dict]:
        import yaml

        with zipfile.ZipFile(self.path) as wheel:
            for name in sorted(wheel.namelist()):
                if name.startswith(FOLDER) and name.endswith(".yml"):
                    # The plainest loader: a reply of "yes" or "10" stays text.
                    topic = yaml.load(wheel.read(name), Loader=yaml.BaseLoader)
                    turns = (turns for turns in topic["conversations"] if isinstance(turns, list))
                    yield from ({"turns": conversation} for conversation in turns)
