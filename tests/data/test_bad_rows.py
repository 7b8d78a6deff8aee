"""Rows that are no examples, and files that hold none: each is told."""

import gzip
import re
import warnings

import pytest

from tests.data.example_files import CORNELL, examples, json_lines, opened
from tfzoo.data import open_examples
from tfzoo.errors import UsageError

GOOD = {"source": "a", "target": "b"}
TURNS = {"turns": ["a", "b"]}
BAD_ROWS = [
    (
        "pairs",
        {"a.tsv": b"a\tb\na\tb\tc\nd\n"},
        [("a.tsv:2", "3 fields, not 2"), ("a.tsv:3", "1 field")],
    ),
    (
        "pairs",
        {"a.tsv": b"a\tb\n \tb\na\t\n"},
        [("a.tsv:2", "'source' is empty"), ("a.tsv:3", "'target' is")],
    ),
    ("pairs", {"a.tsv": b"a\tb\n\n\xff\tb\n"}, [("a.tsv:3", "not valid UTF-8")]),
    (
        "pairs",
        {"a.csv": b'a,b\n"x\ny",b,c\na,"b"c\nd,e\n'},
        [("a.csv:2", "3 fields"), ("a.csv:4", "CSV row")],
    ),
    ("pairs", {"a.csv": b"a,b\n\xff,b\n"}, [("a.csv:2", "not valid UTF-8")]),
    (
        "pairs",
        {"t.en": b"a\n\nc\n", "t.de": b"a\nb\n\xff\n"},
        [("t.en:2", "is empty"), ("t.de:3", "UTF-8")],
    ),
    (
        "pairs",
        {"a.jsonl": json_lines([GOOD, [1], {"source": "a"}, {**GOOD, "target": 3}]) + "{"},
        [
            ("a.jsonl:2", "not a JSON object"),
            ("a.jsonl:3", r"no field 'target'; its fields are \['source'\]"),
            ("a.jsonl:4", "'target' holds no text: 3"),
            ("a.jsonl:5", "is not JSON"),
        ],
    ),
    (
        "pairs",
        {"a.jsonl": '{"source": "\\ud800", "target": "a"}'},
        [("a.jsonl:1", "valid Unicode")],
    ),
    (
        "labelled",
        {"a.csv": "text,label\na,\n,1\na,1\n"},
        [("a.csv:2", "'label' is"), ("a.csv:3", "'text' is")],
    ),
    (
        "labelled",
        {"a.jsonl": '{"text": "a", "label": null}'},
        [("a.jsonl:1", "'label' holds no text: None")],
    ),
    (
        "scored",
        {"a.tsv": "text\tlabel\na\tx\nb\tnan\nc\t1e39\n"},
        [("a.tsv:2", "no number: 'x'"), ("a.tsv:3", "finite"), ("a.tsv:4", "finite.*: '1e39'")],
    ),
    (
        "scored",
        {"a.jsonl": f'{{"text": "a", "label": 1{"0" * 400}}}\n'},
        [("a.jsonl:1", "no finite number: 1000")],
    ),
    (
        "labelled",
        {"a.jsonl": '{"text": "a", "label": NaN}\n{"text": "a", "label": 1e999}\n'},
        [("a.jsonl:1", "no finite number: nan"), ("a.jsonl:2", "no finite number: inf")],
    ),
    (
        "pairs",
        {"a.csv": b'a,b\n"x,b\nc,d\n"e",f\n'},
        [("a.csv:2", "CSV row.*up to line 4: is a quotation mark not closed")],
    ),
    (
        "tagged",
        {"a.txt": "a O\nb\n\nc O\n"},
        [("a.txt:2", "1 columns, not 2 columns, as the sentence begins: 'b'")],
    ),
    ("tagged", {"a.txt": "a O\n\nb\n"}, [("a.txt:3", "has 1 columns, not 2: 'b'")]),
    ("tagged", {"a.txt": b"a O\n\xff O\n"}, [("a.txt:2", "not valid UTF-8")]),
    (
        "tagged",
        {"a.jsonl": '{"words": ["a"], "tags": ["O", "O"]}'},
        [("a.jsonl:1", "1 words, but 2 tags")],
    ),
    (
        "tagged",
        {"a.jsonl": '{"words": "a", "tags": ["O"]}'},
        [("a.jsonl:1", "'words' holds no list: 'a'")],
    ),
    (
        "dialogue",
        {"a.jsonl": json_lines([TURNS, {"turns": ["a"]}])},
        [("a.jsonl:2", "2 or more. Found: 1")],
    ),
    (
        "dialogue",
        {"a.jsonl": json_lines([{"turns": ["a", ""]}])},
        [("a.jsonl:1", "'turns' is empty")],
    ),
    (
        "dialogue",
        {
            "lines": CORNELL["movie_lines.txt"] + b"L9 +++$+++ u0\n",
            "talks": CORNELL["movie_conversations.txt"]
            + b"u0 +++$+++ u1 +++$+++ m0 +++$+++ ['L1', 'L8']\n"
            + b"u0 +++$+++ u1 +++$+++ m0 +++$+++ ['L1', 'L4']\n"
            + b"u0 +++$+++ u1 +++$+++ m0 +++$+++ L1\n",
        },
        [
            ("lines:5", "2 fields, not 5"),
            ("talks:3", "there is no line L8"),
            ("lines:4", "has no text, and is said at .*/talks:4"),
            ("talks:5", "should have four fields"),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "contents", "told"), BAD_ROWS)
def test_every_bad_row_is_told_with_file_and_line(files, kind, contents, told):
    source = opened(kind, files(contents), *contents)
    with pytest.raises(UsageError) as error:
        list(source.examples())
    lines = str(error.value).splitlines()
    assert lines[0].startswith("--text_files: rows of ") and "--on_bad_rows=skip" in lines[-1]
    assert len(lines[1:-1]) == len(told)
    for line, (place, reason) in zip(lines[1:-1], told, strict=True):
        assert line.startswith(f"  {files({})}/{place}")
        assert re.search(reason, line)


@pytest.mark.parametrize(("kind", "contents", "told"), BAD_ROWS)
def test_bad_rows_may_be_left_out_and_are_counted(files, kind, contents, told):
    source = opened(kind, files(contents), *contents, on_bad_rows="skip")
    with pytest.warns(UserWarning, match=rf"{len(told)} of \d+ rows .* were left out") as warned:
        good = list(source.examples())
    assert all(place in str(warned[0].message) for place, _ in told)
    assert source.num_bad_rows == len(told)
    with warnings.catch_warnings(action="error"):  # it is told once
        assert list(source.examples()) == good


def test_after_a_bad_row_no_example_is_handed_on(files):
    found = opened("pairs", files({"a.tsv": "a\tb\nbad\nc\td\n"}), "a.tsv").examples()
    assert next(found) == GOOD
    with pytest.raises(UsageError, match="a.tsv:2"):
        next(found)


def test_a_hundred_bad_rows_are_enough(files):
    source = opened("pairs", files({"a.tsv": "a\tb\n" + "bad\n" * 5000}), "a.tsv")
    with pytest.raises(UsageError, match="a.tsv:101: .*\n  and more\n"):
        list(source.examples())


@pytest.mark.parametrize(
    ("kind", "contents", "fields", "message"),
    [
        (
            "pairs",
            {"a.tsv": "a\tb\n"},
            {"source": "en"},
            r"--source_field: .*a.tsv names no field 'en'; it has \['a', 'b'\]",
        ),
        (
            "labelled",
            {"a.csv": "text,stars\na,1\n"},
            {},
            "--label_field: the first line of .*a.csv names no field 'label'",
        ),
        ("labelled", {"a.csv": "text,text,label\na,b,1\n"}, {}, "a.csv names a field twice"),
        (
            "labelled",
            {"a.txt": "a\n"},
            {},
            "--text_files: give .csv, .tsv or .jsonl files. Received: .*a.txt",
        ),
        (
            "pairs",
            {"a.en": "a\n"},
            {},
            "or two files of lines that belong together. Received: .*a.en",
        ),
        ("pairs", {"a.en": "a\n", "b.tsv": "a\tb\n"}, {}, "two files of lines"),
        ("pairs", {"a.en": "a\nb\n", "a.de": "a\n"}, {}, "a.de has 1 lines and .*a.en has more"),
        ("pairs", {"a.tsv": ""}, {}, "a.tsv is empty"),
        (
            "tagged",
            {"a.txt": "a O\n"},
            {"tags": "pos"},
            "--tags_field: columns of CoNLL files go by number, from 1. .*'pos'",
        ),
        (
            "dialogue",
            {"a.txt": "Hi.\n"},
            {},
            "Cornell's movie_lines.txt and movie_conversations.txt together",
        ),
        (
            "dialogue",
            {"a.txt": "Hi.\n", "b.txt": "Ho.\n"},
            {},
            "one file must have lines of five fields",
        ),
        (
            "pairs",
            {"a.tsv.gz": gzip.compress(b"a\tb\n" * 99)[:-9]},
            {},
            "a.tsv.gz is not a whole gzip file",
        ),
        ("labelled", {"a.csv.gz": b"text,label\n"}, {}, "a.csv.gz is not a whole gzip file"),
    ],
)
def test_files_of_another_shape_are_one_clear_error(files, kind, contents, fields, message):
    with pytest.raises(UsageError, match=message):
        examples(kind, files(contents), *contents, fields=fields, on_bad_rows="skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of --dataset and --text_files"),
        ({"files": ["a"], "dataset": "chatterbot"}, "exactly one of --dataset and --text_files"),
        (
            {"dataset": "sotu"},
            r"--dataset: must be one of \['chatterbot', .* for pairs. Received: 'sotu'",
        ),
        ({"files": ["a"], "on_bad_rows": "ignore"}, "--on_bad_rows: must be one of .*'ignore'"),
        ({"files": ["no/such"]}, "--text_files: no file matches 'no/such'"),
    ],
)
def test_bad_arguments_are_one_clear_error(arguments, message):
    with pytest.raises(UsageError, match=message):
        open_examples("pairs", **arguments)


def test_a_role_that_the_kind_has_not_is_a_programming_mistake(files):
    with pytest.raises(ValueError, match=r"`fields` must name roles of \['source', 'target'\]"):
        opened("pairs", files({"a.tsv": "a\tb\n"}), "a.tsv", fields={"text": "a"})
    with pytest.raises(ValueError, match="`kind` must be one of .* Received: kind='texts'"):
        open_examples("texts", files=["a"])
