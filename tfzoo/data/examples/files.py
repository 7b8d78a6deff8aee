"""Examples from the user's own files, any of which may be compressed by gzip."""

import functools
import itertools
from collections.abc import Iterator, Sequence

from tfzoo.data import paths
from tfzoo.data.examples import conll, cornell
from tfzoo.data.examples.records import example_of, fields_of
from tfzoo.data.examples.source import BadRow, Example, ExampleSource
from tfzoo.data.examples.tables import NOT_UTF8, SUFFIXES, lines, table
from tfzoo.errors import UsageError

TAKEN = {
    "pairs": ".tsv, .csv or .jsonl files, or two files of lines that belong together",
    "labelled": ".csv, .tsv or .jsonl files",
    "scored": ".csv, .tsv or .jsonl files",
    "tagged": ".jsonl files, or files with a word and its tag a line (CoNLL)",
    "dialogue": ".jsonl files, or Cornell's movie_lines.txt and movie_conversations.txt together",
}


class ExampleFiles(ExampleSource):
    """Files in the order given, folders and globs in sorted order; no file twice.

    Args:
        kind: one of `KINDS`.
        patterns: files, globs or folders.
        fields: role to name of its field, where that is another. In CoNLL files fields go by
            number, from 1; words are in the first, tags in the last, unless given.
        on_bad_rows: "fail" or "skip".
        flag: the flag to name in errors.

    Raises:
        UsageError: if a pattern matches nothing, or files of a kind that is not read.
    """

    def __init__(self, kind, patterns: Sequence[str], *, fields, on_bad_rows, flag):
        self.name = ",".join(patterns)
        self.kind, self.flag, self.on_bad_rows = kind, flag, on_bad_rows
        self.fields = fields_of(kind, fields)
        self.roles = tuple(self.fields)
        self.paths = paths.matching_files(patterns, flag)
        self._reader = self._chosen_reader()

    @functools.cached_property
    def fingerprint(self) -> str:
        """Over contents, not paths (`paths.contents_digest`)."""
        facts = [[self.kind, self.fields, paths.suffix(path)] for path in self.paths]
        return paths.contents_digest(self.paths, facts, self.flag)

    @property
    def total_bytes(self) -> int:
        return paths.text_bytes(self.paths)

    def rows(self) -> Iterator[Example | BadRow]:
        return self._reader()

    def _chosen_reader(self):
        suffixes = {paths.suffix(path) for path in self.paths}
        if suffixes <= set(
            SUFFIXES if self.kind in ("pairs", "labelled", "scored") else [".jsonl"]
        ):
            return self._tables
        if self.kind == "tagged" and ".jsonl" not in suffixes:
            return functools.partial(conll.sentences, self.paths, self.fields, self.flag)
        if len(self.paths) == 2 and not suffixes & set(SUFFIXES):
            if self.kind == "pairs":
                return functools.partial(_aligned, *self.paths, self.flag)
            if self.kind == "dialogue":
                return functools.partial(cornell.conversations, self.paths, self.flag)
        names = ", ".join(self.paths[:3]) + (", ..." if len(self.paths) > 3 else "")
        raise UsageError(f"{self.flag}: give {TAKEN[self.kind]}. Received: {names}.")

    def _tables(self):
        header_needed = self.kind != "pairs" or self.fields != fields_of("pairs", None)
        for path in self.paths:
            for name, row in table(path, self.fields, self.flag, header_needed=header_needed):
                good = isinstance(row, dict)
                yield example_of(self.kind, name, row, self.fields) if good else row


def _aligned(first, second, flag):
    """Line n of one file belongs to line n of the other; lines blank in both are no rows."""
    both = itertools.zip_longest(lines(first, flag), lines(second, flag))
    for number, (one, other) in enumerate(both, start=1):
        if one is None or other is None:
            short, long = (first, second) if one is None else (second, first)
            raise UsageError(
                f"{flag}: {short} has {number - 1} lines and {long} has more; line n of one must "
                "belong to line n of the other."
            )
        (name, source), (other_name, target) = one, other
        if source is None or target is None:
            yield BadRow(name if source is None else other_name, NOT_UTF8)
        elif source.strip() or target.strip():
            record = {"source": source, "target": target}
            yield example_of("pairs", f"{name} and {other_name}", record, fields_of("pairs", None))
