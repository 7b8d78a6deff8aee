"""Conversations in the format of Cornell's Movie-Dialogs Corpus: fields apart by `+++$+++`.

Danescu-Niculescu-Mizil and Lee, 2011, https://aclanthology.org/W11-0609. One file has the lines,
`L194 +++$+++ u0 +++$+++ m0 +++$+++ BIANCA +++$+++ Can we make this quick?`, the other has the
conversations, `u0 +++$+++ u2 +++$+++ m0 +++$+++ ['L194', 'L195', 'L196']`.
"""

import re
from collections.abc import Iterator, Sequence

from tfzoo.data.examples.records import example_of, fields_of
from tfzoo.data.examples.source import BadRow, Example
from tfzoo.data.examples.tables import lines
from tfzoo.errors import UsageError

SEPARATOR = "+++$+++"
ENCODING = "iso-8859-1"
IDS = re.compile(r"\[\s*('[^']+'\s*,\s*)*'[^']+'\s*,?\s*\]")


def conversations(paths: Sequence[str], flag: str) -> Iterator[Example | BadRow]:
    """The conversations. All lines are held in memory while they are read.

    Args:
        paths: the two files, in either order.
        flag: the flag to name in errors.

    Raises:
        UsageError: if they are not one file of each sort.
    """
    by_width = {_width(path, flag): path for path in paths}
    if set(by_width) != {4, 5}:
        raise UsageError(
            f"{flag}: one file must have lines of five fields apart by {SEPARATOR}, the other "
            f"conversations of four. Received: {', '.join(paths)}."
        )
    turns = {}
    for name, fields in _records(by_width[5], flag):
        if len(fields) != 5:
            yield BadRow(name, f"has {len(fields)} fields, not 5")
        else:
            turns[fields[0]] = fields[4] or BadRow(name, "has no text")
    for name, fields in _records(by_width[4], flag):
        if len(fields) != 4 or not IDS.fullmatch(fields[3]):
            yield BadRow(name, "should have four fields, the last a list like ['L1', 'L2']")
        else:
            yield _conversation(name, re.findall(r"'([^']+)'", fields[3]), turns)


def _conversation(name, ids, turns):
    unknown = [one for one in ids if one not in turns]
    if unknown:
        return BadRow(name, f"there is no line {unknown[0]}")
    for turn in (turns[one] for one in ids):
        if isinstance(turn, BadRow):
            return BadRow(turn.name, f"{turn.reason}, and is said at {name}")
    record = {"turns": [turns[one] for one in ids]}
    return example_of("dialogue", name, record, fields_of("dialogue", None))


def _records(path, flag):
    for name, text in lines(path, flag, otherwise=ENCODING):
        if text.strip():
            yield name, [field.strip() for field in text.split(SEPARATOR, 4)]


def _width(path, flag):
    """How many fields its first line has."""
    return next((len(fields) for _, fields in _records(path, flag)), 0)
