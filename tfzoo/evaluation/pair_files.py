"""Sentences in pairs, from a file: of which the first says what a stereotype would have it say."""

from typing import NamedTuple

from tfzoo.data import paths
from tfzoo.data.examples.source import BadRow
from tfzoo.data.examples.tables import NOT_UTF8, lines, table
from tfzoo.errors import UsageError

COLUMNS = ("more", "less", "group")
# As CrowS-Pairs (Nangia et al., 2020, arXiv:2010.00133) calls them, in its .csv file.
CROWS_PAIRS = ("sent_more", "sent_less", "bias_type")
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

    A .csv file is read as CrowS-Pairs is published, quoted, with the columns sent_more, sent_less
    and bias_type: there sent_more stereotypes more in both sorts of pairs, stereo and antistereo.

    Args:
        path: the file, UTF-8; compressed if it ends in .gz.
        flag: the flag to name in errors.

    Raises:
        UsageError: if there are no pairs, or some rows are bad: each is told with file and line.
    """
    read = _crows_pairs if paths.suffix(path) == ".csv" else _tab_separated
    pairs, problems = [], []
    for row in read(path, flag):
        (problems if isinstance(row, BadRow) else pairs).append(row)
    if problems:
        more = "\n  and more" if len(problems) > MOST_TOLD else ""
        told = "".join(f"\n  {row.name} {row.reason}" for row in problems[:MOST_TOLD])
        raise UsageError(f"{flag}: {len(problems)} bad rows:{told}{more}")
    if not pairs:
        raise UsageError(f"{flag}={path} holds no pairs. A row is: more, tab, less[, tab, group].")
    return pairs


def _crows_pairs(path, flag):
    fields = {column: column for column in CROWS_PAIRS}
    for name, row in table(path, fields, flag, header_needed=False):
        if isinstance(row, BadRow):
            yield row
        else:
            yield _pair(name, [row[column].strip() for column in CROWS_PAIRS], CROWS_PAIRS)


def _tab_separated(path, flag):
    names = None
    for name, text in lines(path, flag):
        if text is not None and not text.strip():
            continue
        fields = [] if text is None else [field.strip() for field in text.split("\t")]
        if names is None and fields:
            names = _names(fields)
            if set(COLUMNS[:2]) <= set(fields):
                continue
        if text is None:
            yield BadRow(name, NOT_UTF8)
        elif len(fields) != len(names):
            yield BadRow(name, f"has {len(fields)} columns, not {len(names)} ({', '.join(names)})")
        else:
            row = dict(zip(names, fields, strict=True))
            found = [column for column in COLUMNS if column in row]
            yield _pair(name, [row[column] for column in found], found)


def _names(fields):
    """Names of a file's columns, of its first row."""
    return fields if set(COLUMNS[:2]) <= set(fields) else COLUMNS[: 3 if len(fields) > 2 else 2]


def _pair(name, values, columns):
    """The pair of a row, or what is wrong with it."""
    if "" in values:
        return BadRow(name, f"has nothing in the column {columns[values.index('')]!r}")
    more, less, group = [*values, ""][:3]
    return Pair(more, less, group, name)
