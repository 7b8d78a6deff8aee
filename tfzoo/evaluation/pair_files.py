"""Sentences in pairs, from a file: of which the first says what a stereotype would have it say."""

from typing import NamedTuple

from tfzoo.data.examples.tables import NOT_UTF8, lines
from tfzoo.errors import UsageError

COLUMNS = ("more", "less", "group")
MOST_TOLD = 100


class Pair(NamedTuple):
    """Two sentences to compare.

    Attributes:
        more: str, the sentence that stereotypes more.
        less: str, the one that does so less.
        group: str, the kind of stereotype; "" where none is told.
        name: str, path:line.
    """

    more: str
    less: str
    group: str
    name: str


def read_pairs(path: str, flag: str = "--pairs") -> list[Pair]:
    """Reads a file of tab-separated columns: more, less and, if there is a third, group.

    The first line may name the columns; these may then stand in any order, among others, which
    are not read. Blank lines are skipped; a quotation mark is a character like others.

    Args:
        path: the file, UTF-8; compressed if it ends in .gz.
        flag: the flag to name in errors.

    Raises:
        UsageError: if there are no pairs, or some rows are bad: each is told with file and line.
    """
    pairs, problems, names = [], [], None
    for name, text in lines(path, flag):
        if text is not None and not text.strip():
            continue
        fields = [] if text is None else [field.strip() for field in text.split("\t")]
        if names is None and fields:
            names = _names(fields)
            if set(COLUMNS[:2]) <= set(fields):
                continue
        problem = NOT_UTF8 if text is None else _problem(fields, names)
        if problem:
            problems.append(f"\n  {name} {problem}")
        else:
            row = dict(zip(names, fields, strict=True))
            pairs.append(Pair(row["more"], row["less"], row.get("group", ""), name))
    if problems:
        more = "\n  and more" if len(problems) > MOST_TOLD else ""
        raise UsageError(f"{flag}: {len(problems)} bad rows:{''.join(problems[:MOST_TOLD])}{more}")
    if not pairs:
        raise UsageError(f"{flag}={path} holds no pairs. A row is: more, tab, less[, tab, group].")
    return pairs


def _names(fields):
    """Names of a file's columns, of its first row."""
    return fields if set(COLUMNS[:2]) <= set(fields) else COLUMNS[: 3 if len(fields) > 2 else 2]


def _problem(fields, names):
    """What is wrong with a row, or None."""
    if len(fields) != len(names):
        return f"has {len(fields)} columns, not {len(names)} ({', '.join(names)})"
    row = dict(zip(names, fields, strict=True))
    empty = [column for column in COLUMNS if not row.get(column, "-")]
    return f"has nothing in the column {empty[0]!r}" if empty else None
