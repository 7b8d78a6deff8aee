"""From a record with named fields to an example of a kind, checked."""

import json
import math
from collections.abc import Callable

import numpy as np

from tfzoo.data.examples.source import KINDS, BadRow, Example

LARGEST = float(np.finfo(np.float32).max)  # Numbers are stored so.


def fields_of(kind: str, fields: dict[str, str | None] | None) -> dict[str, str]:
    """Role to field for the roles that examples will have: a role is called as its field is.

    Args:
        kind: one of `KINDS`.
        fields: role to name of its field, where that is another; a role that may be missing is
            there if it is given a name.

    Raises:
        ValueError: if the kind has no such role.
    """
    given = {role: field for role, field in (fields or {}).items() if field is not None}
    roles = [role.removesuffix("?") for role in KINDS[kind]]
    if not set(given) <= set(roles):
        raise ValueError(f"`fields` must name roles of {roles}. Received: fields={fields}.")
    needed = {role: role for role in KINDS[kind] if not role.endswith("?")}
    return {role: (needed | given)[role] for role in roles if role in needed | given}


def example_of(kind: str, name: str, record: dict, fields: dict[str, str]) -> Example | BadRow:
    """The example that a record holds, or what is wrong with it.

    Args:
        kind: one of `KINDS`.
        name: where the record stands, for messages.
        record: field to value.
        fields: role to field, of `fields_of`.
    """
    example = {}
    for role, field in fields.items():
        if field not in record:
            return BadRow(name, f"has no field {field!r}; its fields are {sorted(record)}")
        read = _float if (kind, role) == ("scored", "label") else READERS[role]
        try:
            example[role] = read(record[field])
        except (ValueError, TypeError) as error:
            return BadRow(name, f"the field {field!r} {error}")
    if "tags" in example and len(example["words"]) != len(example["tags"]):
        counts = f"{len(example['words'])} words, but {len(example['tags'])} tags"
        return BadRow(name, f"has {counts}")
    return example


def _text(value) -> str:
    if not isinstance(value, str):
        raise ValueError(f"holds no text: {_shown(value)}")
    if not value.strip():
        raise ValueError("is empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"is not valid Unicode: {_shown(value)}") from None
    return value


def _label(value) -> str:
    """A number or a truth value is called as JSON writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"holds no finite number: {_shown(value)}")
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return _text(value).strip()


def _float(value) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError):
        raise ValueError(f"holds no number: {_shown(value)}") from None
    except OverflowError:  # An integer of hundreds of digits.
        number = math.inf
    if not abs(number) <= LARGEST:
        raise ValueError(f"holds no finite number: {_shown(value)}")
    return number


def _list_of(read: Callable, least: int) -> Callable:
    def read_list(value) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(f"holds no list: {_shown(value)}")
        if len(value) < least:
            raise ValueError(f"should hold {least} or more. Found: {len(value)}")
        return [read(item) for item in value]

    return read_list


def _shown(value) -> str:
    return repr(value)[:60]


READERS = {
    "source": _text,
    "target": _text,
    "text": _text,
    "text_pair": _text,
    "label": _label,
    "words": _list_of(_text, 1),
    "tags": _list_of(_label, 1),
    "turns": _list_of(_text, 2),
}
