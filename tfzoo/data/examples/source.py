"""What every source of examples offers."""

import abc
import dataclasses
import functools
import itertools
import warnings
from collections.abc import Iterator

from tfzoo.data.examples.sides import VALIDATION, side
from tfzoo.data.split import SAMPLE_BYTES, sample
from tfzoo.errors import UsageError

# Roles of the fields of each kind. A role with a question mark may be missing.
KINDS = {
    "pairs": ("source", "target"),
    "labelled": ("text", "text_pair?", "label"),
    "scored": ("text", "text_pair?", "label"),
    "tagged": ("words", "tags"),
    "dialogue": ("turns",),
}
ON_BAD_ROWS = ("fail", "skip")
MOST_TOLD = 100
Example = dict[str, str | float | list[str]]


@dataclasses.dataclass(frozen=True)
class BadRow:
    """A row that is no example.

    Attributes:
        name: where it is: path:line.
        reason: what is wrong with it.
    """

    name: str
    reason: str

    def __str__(self):
        return f"{self.name}: {self.reason}"


class ExampleSource(abc.ABC):
    """A sequence of examples, the same each time it is read.

    An example is a dict by role: `pairs` have source and target; `labelled` have text,
    text_pair (if there is such a field) and label, all str; `scored` are the same with a
    float label; `tagged` have words and tags, lists of str of equal length; `dialogue`
    has turns, a list of two or more str.

    Attributes:
        name: what the user called it, for messages.
        flag: the flag that named it, for messages.
        kind: one of `KINDS`.
        roles: the keys of its examples.
        paths: the files it reads, resolved; empty if it reads none of the user's.
        on_bad_rows: "fail" or "skip".
        num_bad_rows: rows that the last whole pass left out, None before there was one.
    """

    name: str
    kind: str
    roles: tuple[str, ...]
    flag: str = "--dataset"
    paths: tuple[str, ...] = ()
    on_bad_rows: str = "fail"
    num_bad_rows: int | None = None

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the examples change."""

    @property
    @abc.abstractmethod
    def total_bytes(self) -> int | None:
        """About how many bytes of text there are, or None when only reading tells."""

    @abc.abstractmethod
    def rows(self) -> Iterator[Example | BadRow]:
        """All that stands there, in a fixed order."""

    def examples(self) -> Iterator[Example]:
        """The examples, in a fixed order.

        Raises:
            UsageError: if `on_bad_rows` is "fail": from the first bad row on, the rest is only
                looked through, for up to 100 more. With "skip" the first pass ends with a warning.
                Either names the file and line of each.
        """
        fail, report = self.on_bad_rows == "fail", _Report()
        for row in self.rows():
            report.add(row)
            if fail and report.num_bad > MOST_TOLD:
                break
            if not isinstance(row, BadRow) and not (fail and report.num_bad):
                yield row
        first_pass, self.num_bad_rows = self.num_bad_rows is None, report.num_bad
        if report.num_bad and fail:
            raise UsageError(
                f"{self.flag}: rows of {self.name} are bad:{report}\nMend them, or leave them out "
                "by --on_bad_rows=skip."
            )
        if report.num_bad and first_pass:
            warnings.warn(f"{self.left_out(report.num_rows)}:{report}", stacklevel=2)

    def left_out(self, of: int | None = None) -> str:
        """How many rows the last whole pass left out, for messages."""
        count = f"{self.num_bad_rows}{f' of {of}' if of else ''}"
        return f"{self.flag}: {count} rows of {self.name} were left out (--on_bad_rows=skip)"

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels (or tags) in sorted order, found in a pass; else empty."""
        if self.kind == "labelled":
            return tuple(sorted({example["label"] for example in self.examples()}))
        if self.kind == "tagged":
            tags = (example["tags"] for example in self.examples())
            return tuple(sorted(set(itertools.chain.from_iterable(tags))))
        return ()

    def validation_examples(self, validation_fraction: float) -> Iterator[Example]:
        """The examples that `build_example_store` holds out for that fraction."""
        for example in self.examples():
            if side(example, self.kind, validation_fraction) == VALIDATION:
                yield example

    def training_texts(
        self,
        validation_fraction: float,
        *,
        split_by: str | None = None,
        with_labels: bool = False,
        prefix: str = "",
        max_bytes: int = SAMPLE_BYTES,
    ) -> Iterator[bytes]:
        """Text to learn a vocabulary from: the strings of the training examples, as UTF-8.

        Args:
            validation_fraction: as for `build_example_store`, whose validation examples
                are left out; 0 if those come from elsewhere.
            split_by: likewise.
            with_labels: whether the names of the labels are among the strings.
            prefix: a string that is read with each example.
            max_bytes: largest sum of what is returned. If there is more, examples at even
                distances are taken.
        """
        training = (
            example
            for example in self.examples()
            if side(example, self.kind, validation_fraction, split_by) != VALIDATION
        )
        rows = (_as_one_text(example, with_labels, prefix) for example in training)
        return sample(map(str.encode, rows), self.total_bytes, max_bytes)


class _Report:
    """The rows of a pass, counted, and the first of the bad ones, a line each."""

    def __init__(self):
        self.num_rows = self.num_bad = 0
        self._told = []

    def add(self, row):
        self.num_rows += 1
        if isinstance(row, BadRow):
            self.num_bad += 1
            if self.num_bad <= MOST_TOLD:
                self._told.append(row)

    def __str__(self):
        more = ["and more"] if self.num_bad > MOST_TOLD else []
        return "".join(f"\n  {line}" for line in [*self._told, *more])


def texts(example: Example) -> dict[str, list[str]]:
    """The texts of an example by role, without labels and tags; words count as one text."""
    found = {role: value for role, value in example.items() if role not in ("label", "tags")}
    if "words" in found:
        return {"words": [" ".join(found["words"])]}
    return {role: [value] if isinstance(value, str) else value for role, value in found.items()}


def _as_one_text(example, with_labels, prefix):
    label = [example["label"]] if with_labels else []
    return "\n".join([*[prefix] * bool(prefix), *map("\n".join, texts(example).values()), *label])


def text_bytes(example: Example) -> dict[str, int]:
    """UTF-8 bytes of those texts, by role."""
    return {
        role: sum(len(text.encode("utf-8", "replace")) for text in values)
        for role, values in texts(example).items()
    }
