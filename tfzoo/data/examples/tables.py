"""Rows with named fields, from .jsonl, .csv and .tsv files: dicts, or what is wrong with them."""

import csv
import io
import json
from collections.abc import Iterator

from tfzoo.data import paths
from tfzoo.data.examples.source import BadRow
from tfzoo.errors import UsageError

SUFFIXES = (".csv", ".tsv", ".jsonl")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONGEST_FIELD = 1 << 24  # characters of a .csv file; where a quotation mark is not closed, all
NOT_UTF8 = "is not valid UTF-8"


def lines(path: str, flag: str, otherwise: str | None = None) -> Iterator[tuple[str, str | None]]:
    """(path:line, text without its end) of each line.

    Lines end with a line feed, alone or after a carriage return, and nowhere else.

    Args:
        path: the file; compressed if it ends in .gz.
        flag: the flag to name in errors.
        otherwise: encoding of lines that are not UTF-8; without it they are None.
    """
    with paths.file_document(path, flag).opened() as stream:
        for number, line in enumerate(stream, start=1):
            if number == 1:
                line = line.removeprefix(BYTE_ORDER_MARK)
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                text = line.decode(otherwise) if otherwise else None
            yield f"{path}:{number}", text


def table(
    path: str, fields: dict[str, str], flag: str, *, header_needed: bool
) -> Iterator[tuple[str, dict | BadRow]]:
    """(path:line, row) of each row that is not blank.

    A .jsonl file has a JSON object a line. A .csv file is quoted as RFC 4180 has it; in a .tsv
    file a quotation mark is a character like others, and a field ends at a tab or the line's end.

    Args:
        path: the file; compressed if it ends in .gz.
        fields: role to name of the field.
        flag: the flag to name in errors.
        header_needed: whether the first line of a .csv or .tsv file must name the fields. If
            not, and it does not, the columns are the fields in their order.

    Raises:
        UsageError: if the first line must name a field and does not.
    """
    if paths.suffix(path) == ".jsonl":
        return _json_rows(path, flag)
    return _named(path, records(path, flag), fields, flag, header_needed)


def records(path: str, flag: str) -> Iterator[tuple[str, list[str] | BadRow]]:
    """(path:line, fields) of each row of a .csv or, under any other name, a .tsv file."""
    return (_csv_records if paths.suffix(path) == ".csv" else _tsv_records)(path, flag)


def _json_rows(path, flag):
    for name, text in lines(path, flag):
        if text is None:
            yield name, BadRow(name, NOT_UTF8)
        elif text.strip():
            yield name, _json_row(name, text)


def _json_row(name, text):
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadRow(name, f"is not JSON ({error})")
    return row if isinstance(row, dict) else BadRow(name, "is not a JSON object")


def _tsv_records(path, flag):
    for name, text in lines(path, flag):
        if text is None:
            yield name, BadRow(name, NOT_UTF8)
        elif text.strip():
            yield name, text.split("\t")


def _csv_records(path, flag):
    csv.field_size_limit(max(LONGEST_FIELD, csv.field_size_limit()))
    with paths.file_document(path, flag).opened() as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        while True:
            first = reader.line_num + 1
            name = f"{path}:{first}"
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                goes_on = f", read up to line {reader.line_num}: is a quotation mark not closed?"
                far = reader.line_num > first
                yield name, BadRow(name, f"is not a CSV row ({error}{goes_on if far else ''})")
                continue
            if any("\udc80" <= character <= "\udcff" for character in "".join(record)):
                yield name, BadRow(name, NOT_UTF8)
            elif any(field.strip() for field in record):
                yield name, record


def _named(path, records, fields, flag, header_needed):
    name, first = next(records, (path, None))
    if first is None:
        return
    if isinstance(first, BadRow) and header_needed:
        raise UsageError(f"{flag}: {first}, so it cannot name the fields.")
    names = first if isinstance(first, list) else []
    missing = {role: field for role, field in fields.items() if field not in names}
    if missing and header_needed:
        role, field = next(iter(missing.items()))
        raise UsageError(
            f"--{role}_field: the first line of {path} names no field {field!r}; it has {names}."
        )
    if missing:
        names = list(fields.values())
        yield name, _row(name, first, names)
    if len(set(names)) < len(names):
        raise UsageError(f"{flag}: the first line of {path} names a field twice: {names}.")
    for name, record in records:
        yield name, _row(name, record, names)


def _row(name, record, names):
    if isinstance(record, BadRow):
        return record
    if len(record) != len(names):
        return BadRow(name, f"has {len(record)} fields, not {len(names)}")
    return dict(zip(names, record, strict=True))
