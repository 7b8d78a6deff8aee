"""Text files: what is found, in which order, what is a document, and every way to go wrong."""

import gzip
import json
import os

import pytest

from tfzoo.data import open_source
from tfzoo.errors import UsageError


def texts(*patterns, **options):
    source = open_source(text_files=[str(pattern) for pattern in patterns], **options)
    return [b"".join(document.pieces()) for document in source.documents()]


def rows(*objects):
    return "".join(json.dumps(row) + "\n" for row in objects)


def test_a_folder_is_all_its_files_in_sorted_order_but_hidden_ones(files):
    folder = files({"b.txt": "2", "a/z.txt": "1", "c.md": "3", ".git/x": "no", ".y": "no"})
    assert texts(folder) == [b"1", b"2", b"3"]


def test_a_glob_is_sorted_and_looks_into_folders(files):
    folder = files({"b/2.txt": "2", "a/b/1.txt": "1", "c/3.md": "3"})
    assert texts(folder / "**" / "*.txt") == [b"1", b"2"]


def test_files_keep_their_order_and_come_once(files):
    folder = files({"a.txt": "1", "b.txt": "2"})
    assert texts(folder / "b.txt", folder, folder / "*.txt") == [b"2", b"1"]


def test_a_row_is_a_document_and_blank_lines_are_none(files):
    folder = files(
        {"a.jsonl": "\ufeff" + rows({"text": "one\n"}) + "\n \n" + rows({"text": "two"})}
    )
    assert texts(folder / "a.jsonl") == [b"one\n", b"two"]


def test_a_row_without_text_is_no_document(files):
    folder = files({"a.jsonl": rows({"text": ""}, {"text": "one"}, {"text": ""})})
    assert texts(folder / "a.jsonl") == [b"one"]


def test_gzip_gives_what_the_plain_files_give(files):
    row = rows({"body": "one"}, {"body": "é"})
    folder = files({"A.TXT.GZ": gzip.compress(b"a b c"), "b.jsonl.gz": gzip.compress(row.encode())})
    assert texts(folder, text_field="body") == [b"a b c", b"one", "é".encode()]


def test_half_a_surrogate_pair_becomes_the_replacement_character(files):
    assert texts(files({"a.jsonl": '{"text": "a\\ud800b"}'})) == ["a\ufffdb".encode()]


def test_empty_files_of_a_folder_are_left_out(files):
    assert texts(files({"a.txt": "", "b.txt": "2"})) == [b"2"]


@pytest.mark.parametrize(
    ("contents", "pattern", "message"),
    [
        ({"a.txt": "a"}, "*.md", r"--text_files: no file matches '.*\*\.md'"),
        ({"a.txt": ""}, "a.txt", r"--text_files: .*a\.txt is empty"),
        ({"a.txt": "", "b.txt": ""}, "*", "--text_files: all files that match .* are empty"),
        (
            {"a.gz": gzip.compress(b"abc" * 99)[:-9]},
            "a.gz",
            r"--text_files: .*a\.gz is not a whole",
        ),
        ({"a.gz": b"not gzip"}, "a.gz", r"--text_files: .*a\.gz is not a whole gzip file"),
        (
            {"a.jsonl": '{"text": "a"}\n{"te'},
            "a.jsonl",
            r"--text_files: .*a\.jsonl:2 is not a JSON",
        ),
        ({"a.jsonl": "[1]"}, "a.jsonl", r"--text_files: .*a\.jsonl:1 is not a JSON object"),
        ({"a.jsonl": '{"b": 1, "c": 2}'}, "*", r"--text_field: .*:1 has no .*'text'.*\['b', 'c'\]"),
        ({"a.jsonl": '{"text": 1}'}, "*", r"--text_field: .*a\.jsonl:1 has no text in the field"),
    ],
)
def test_bad_files_are_named(files, contents, pattern, message):
    with pytest.raises(UsageError, match=message):
        texts(files(contents) / pattern)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(files):
    path = files({"a.txt": "a"}) / "a.txt"
    path.chmod(0)
    with pytest.raises(UsageError, match=r"--text_files: .*a\.txt cannot be read"):
        texts(path)


@pytest.mark.parametrize("flags", [{}, {"dataset": "sotu", "text_files": ["a"]}])
def test_one_source_must_be_given(flags):
    with pytest.raises(UsageError, match="exactly one of --dataset and --text_files"):
        open_source(**flags)


def test_an_unknown_dataset_is_named():
    with pytest.raises(UsageError, match=r"--dataset: must be one of \['sotu'\].*Received: 'soto'"):
        open_source("soto")


def test_validation_files_are_named_by_their_own_flag(tmp_path):
    with pytest.raises(UsageError, match="--validation_files: no file matches"):
        open_source(text_files=[str(tmp_path / "no")], files_flag="--validation_files")


def fingerprint(path, **options):
    return open_source(text_files=[str(path)], **options).fingerprint


def test_moved_and_touched_files_keep_their_fingerprint(files):
    folder = files({"a.txt": "abc", "b.txt": "d"})
    before = fingerprint(folder)
    os.utime(folder / "a.txt", (1, 1))
    assert fingerprint(folder.rename(folder.parent / "moved")) == before


@pytest.mark.parametrize(
    "change", [{"a.txt": "abd"}, {"b.txt": "abc"}, {"a.txt": "ab", "a2.txt": "c"}]
)
def test_changed_text_changes_the_fingerprint(files, change):
    folder = files({"a.txt": "abc"})
    before = fingerprint(folder)
    assert fingerprint(files(change)) != before


def test_the_field_is_part_of_the_fingerprint(files):
    folder = files({"a.jsonl": rows({"a": "1", "b": "2"})})
    assert fingerprint(folder, text_field="a") != fingerprint(folder, text_field="b")


def test_a_large_file_that_changed_in_its_middle_changes_its_fingerprint(files, monkeypatch):
    monkeypatch.setattr("tfzoo.data.paths.FULL_HASH_BYTES", 10_000)
    path = files({"a.txt": "a" * 50_000}) / "a.txt"
    before = fingerprint(path)
    with open(path, "r+b") as file:
        file.seek(25_000)
        file.write(b"b")
    os.utime(path, (1, 1))
    assert fingerprint(path) != before
