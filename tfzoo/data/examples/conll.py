"""Tagged sentences: a word and its tag a line, a blank line after each sentence.

The format of the CoNLL shared tasks, such as that of 2003 on named entities (Tjong Kim Sang and De
Meulder, 2003, https://aclanthology.org/W03-0419).
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from tfzoo.data.examples.records import example_of, fields_of
from tfzoo.data.examples.source import BadRow, Example
from tfzoo.data.examples.tables import NOT_UTF8, lines
from tfzoo.errors import UsageError

DOCUMENT_BORDER = "-DOCSTART-"


def sentences(
    paths: Sequence[str], fields: dict[str, str], flag: str
) -> Iterator[Example | BadRow]:
    """The sentences of the files.

    The columns of a line are apart by tabs or, where there is none, by spaces. Lines that begin a
    document are left out; so are comments, which are lines before a sentence that begin with # and
    have other columns than its last line, or are as CoNLL-U's: "# name = value".

    Args:
        paths: the files.
        fields: "words" and "tags", each the number of a column, from 1; or their own names for
            the first and the last column.
        flag: the flag to name in errors.
    """
    word, tag = (_column(fields, role) for role in ("words", "tags"))
    for path in paths:
        numbered = lines(path, flag)
        for is_blank, group in itertools.groupby(numbered, key=_is_blank):
            rows = [] if is_blank else _rows(group)
            if rows:
                yield _sentence(rows, word, tag)


def _column(fields, role):
    """Index of the column of a role: 0 or above, or -1 for the last."""
    if fields[role] == role:
        return {"words": 0, "tags": -1}[role]
    if not str(fields[role]).isdecimal() or int(fields[role]) < 1:
        raise UsageError(
            f"--{role}_field: columns of CoNLL files go by number, from 1. Received: "
            f"{fields[role]!r}."
        )
    return int(fields[role]) - 1


def _is_blank(numbered_line):
    text = numbered_line[1]
    return text is not None and (not text.strip() or text.startswith(DOCUMENT_BORDER))


def _rows(group):
    """(path:line, columns or None) of the lines of a sentence."""
    rows = []
    for name, text in group:
        separator = "\t" if text and "\t" in text else " +"
        rows.append((name, None if text is None else re.split(separator, text.strip(" \t"))))
    width = len(rows[-1][1] or ())
    while rows and _is_comment(rows[0][1], width):
        del rows[0]
    return rows


def _is_comment(columns, width):
    if not columns or not columns[0].startswith("#"):
        return False
    return len(columns) != width or (columns[0] == "#" and columns[2:3] == ["="])


def _sentence(rows, word, tag):
    width = len(rows[0][1] or ())
    for name, columns in rows:
        if columns is None:
            return BadRow(name, NOT_UTF8)
        if len(columns) != width or width < 2 or width <= max(word, tag):
            least = max(2, word + 1, tag + 1)
            what = f"{width} columns, as the sentence begins" if width >= least else f"{least}"
            return BadRow(
                name, f"has {len(columns)} columns, not {what}: {' '.join(columns)[:60]!r}"
            )
    record = {
        role: [columns[i] for _, columns in rows] for role, i in (("words", word), ("tags", tag))
    }
    return example_of("tagged", rows[0][0], record, fields_of("tagged", None))
