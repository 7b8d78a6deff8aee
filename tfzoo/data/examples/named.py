"""Examples that have a name: what all such datasets share."""

import abc
import functools
import hashlib
import json
from collections.abc import Iterator

from tfzoo.data.examples.records import example_of, fields_of
from tfzoo.data.examples.source import KINDS, BadRow, Example, ExampleSource
from tfzoo.errors import UsageError


class NamedExamples(ExampleSource):
    """A dataset of records with named fields, read as examples of any kind that they make.

    So reviews with a text and a label are labelled texts, and are pairs too, of the text and the
    label's name, if `fields` says so: for a model that answers in words.

    Args:
        kind: one of `KINDS`.
        fields: role to field, where that is not the dataset's own choice.
        on_bad_rows: "fail" or "skip".

    Attributes:
        offered: names of the fields.
        defaults: role to field, where a field is not called as its role.
        contents: digests of what is read.

    Raises:
        UsageError: if the dataset has no such field.
    """

    offered: tuple[str, ...]
    defaults: dict[str, str] = {}
    contents: list[str]
    total_bytes: int | None = None

    def __init__(self, kind, *, fields, on_bad_rows):
        self.kind, self.on_bad_rows = kind, on_bad_rows
        own = {role: field for role, field in self.defaults.items() if role in KINDS[kind]}
        given = {role: field for role, field in (fields or {}).items() if field is not None}
        self.fields = fields_of(kind, own | given)
        self.roles = tuple(self.fields)
        for role, field in self.fields.items():
            if field not in self.offered:
                raise UsageError(
                    f"--{role}_field: {self.name} has no field {field!r} of that sort; it has "
                    f"{sorted(self.offered)}."
                )

    @functools.cached_property
    def fingerprint(self) -> str:
        facts = [self.name, self.kind, self.fields, self.contents]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @abc.abstractmethod
    def records(self) -> Iterator[dict]:
        """The records, in a fixed order."""

    def rows(self) -> Iterator[Example | BadRow]:
        for number, record in enumerate(self.records()):
            yield example_of(self.kind, f"{self.name}[{number}]", record, self.fields)
