"""Sentences in pairs, from a file: of which the first says what a stereotype would have it say."""

from typing import NamedTuple

from tfzoo.data import paths
from tfzoo.data.examples.source import BadRow
from tfzoo.data.examples.tables import records
from tfzoo.errors import UsageError

COLUMNS = ("more", "less", "group")
# As CrowS-Pairs (Nangia et al., 2020, arXiv:2010.00133) calls them, in its .csv file.
CROWS_PAIRS = {"sent_more": "more", "sent_less": "less", "bias_type": "group"}
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
    """Reads a file of pairs, a row each: more, less and, if there is a third column, group.

    The first line may name the columns, in small letters or capitals; these may then stand in any
    order, among others, which are not read. CrowS-Pairs' own names are known too: there sent_more
    stereotypes more in both sorts of pairs, stereo and antistereo. In a .csv file, which is
    quoted, the first line must name them; in any other, fields are apart by tabs and a quotation
    mark is a character like others. Blank lines are skipped.

    Args:
        path: the file, UTF-8; compressed if it ends in .gz.
        flag: the flag to name in errors.

    Raises:
        UsageError: if there are no pairs, the first line of a .csv file names no columns, or some
            rows are bad: each is told with file and line.
    """
    pairs, problems = [], []
    for row in _rows(path, flag):
        (problems if isinstance(row, BadRow) else pairs).append(row)
    if problems:
        more = "\n  and more" if len(problems) > MOST_TOLD else ""
        told = "".join(f"\n  {row.name} {row.reason}" for row in problems[:MOST_TOLD])
        raise UsageError(f"{flag}: {len(problems)} bad rows:{told}{more}")
    if not pairs:
        raise UsageError(f"{flag}={path} holds no pairs. A row is: more, tab, less[, tab, group].")
    return pairs


def _rows(path, flag):
    titles, is_csv = None, paths.suffix(path) == ".csv"
    for name, record in records(path, flag):
        if isinstance(record, BadRow):
            yield record
            continue
        fields = [field.strip() for field in record]
        if titles is None:
            is_header = set(COLUMNS[:2]) <= set(map(_role, fields))
            if is_csv and not is_header:
                raise UsageError(
                    f"{flag}: the first line of {path} must name the columns, more and less or "
                    f"sent_more and sent_less. It has {fields}."
                )
            titles = fields if is_header else COLUMNS[: 3 if len(fields) > 2 else 2]
            if is_header:
                continue
        yield _pair(name, fields, titles, is_csv)


def _role(title):
    """What a column is called here that may have CrowS-Pairs' name for it."""
    return CROWS_PAIRS.get(title.lower(), title.lower())


def _pair(name, fields, titles, is_csv):
    """The pair of a row, or what is wrong with it."""
    if len(fields) != len(titles):
        wanted = "" if is_csv else f" ({', '.join(titles)})"
        what = "fields" if is_csv else "columns"
        return BadRow(name, f"has {len(fields)} {what}, not {len(titles)}{wanted}")
    found = {_role(title): (title, field) for title, field in zip(titles, fields, strict=True)}
    for title, field in (found[column] for column in COLUMNS if column in found):
        if not field:
            return BadRow(name, f"has nothing in the column {title!r}")
    more, less, group = (found.get(column, ("", ""))[1] for column in COLUMNS)
    return Pair(more, less, group, name)
