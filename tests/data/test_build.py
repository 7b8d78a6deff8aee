"""The token store: what it holds, when it is reused or built again, and what goes wrong cleanly."""

import json
import os
import shutil
import time

import numpy as np
import pytest

from tests.data.texts import words
from tests.programs import Program
from tfzoo import tokenizers
from tfzoo.data import build_token_store, build_whole_store, open_source
from tfzoo.errors import UsageError


@pytest.fixture
def source(files):
    contents = {f"{number:02}.txt": words(300, seed=number) for number in range(30)}
    return open_source(text_files=[str(files(contents))])


@pytest.fixture
def build(tmp_path):
    def build_here(source, tokenizer, **options):
        data_dir = str(tmp_path / "data")
        return build_token_store(source, tokenizer, data_dir=data_dir, progress=False, **options)

    return build_here


def texts_of(store, tokenizer):
    ids = [
        store.tokens[start + 1 : stop].tolist()
        for start, stop in zip(store.offsets, store.offsets[1:], strict=False)
    ]
    return tokenizer.decode_batch(ids)


def texts_in(source):
    return [b"".join(document.pieces()).decode() for document in source.documents()]


@pytest.mark.parametrize("kind", ["byte_pair", "byte_level"])
def test_the_stores_hold_the_documents(source, build, kind, request):
    tokenizer = request.getfixturevalue(kind)
    found = build(source, tokenizer)
    expected = texts_in(source)
    assert texts_of(found.validation, tokenizer) == expected[4::10]
    del expected[4::10]
    assert texts_of(found.train, tokenizer) == expected


def test_end_of_text_stands_around_each_document_and_nowhere_else(source, build, byte_pair):
    store = build(source, byte_pair).train
    ends = np.flatnonzero(store.tokens == byte_pair.end_of_text)
    np.testing.assert_array_equal(ends, store.offsets)
    assert (ends[0], ends[-1], len(ends)) == (0, store.num_tokens - 1, store.num_documents + 1)


def test_the_counts_are_those_of_the_text(source, build, byte_pair):
    found = build(source, byte_pair)
    texts = texts_in(source)
    assert (found.train.num_documents, found.validation.num_documents) == (27, 3)
    assert found.validation.num_bytes == sum(len(text.encode()) for text in texts[4::10])
    assert found.train.num_tokens == len(found.train.tokens)


def test_a_document_in_many_pieces_has_the_ids_of_the_whole(files, build, byte_pair):
    text = words(60_000) + "x" * 200_000 + " é" * 100_000
    source = open_source(text_files=[str(files({"a.txt": text}))])
    store = build_whole_store(source, byte_pair, data_dir=str(files({}) / "d"), progress=False)
    expected = byte_pair.encode_batch([text])[0]
    assert store.tokens[1:-1].tolist() == expected


def test_a_large_vocabulary_is_stored_in_32_bits(files, build):
    text = "".join(map(chr, range(0x4E00, 0x9FFF))) + "".join(map(chr, range(0x20000, 0x2D000)))
    tokenizer = tokenizers.train("characters", [text], 80_000)
    source = open_source(text_files=[str(files({"a.txt": text}))])
    found = build(source, tokenizer)
    assert found.train.tokens.dtype == np.uint32
    assert "".join(texts_of(found.train, tokenizer) + texts_of(found.validation, tokenizer)) == text


def test_invalid_bytes_become_replacement_characters_and_one_warning(files, build, byte_level):
    source = open_source(
        text_files=[str(files({"a.txt": b"one \xff two \xe2\x82 three \xef\xbf\xbd"}))]
    )
    with pytest.warns(UserWarning, match="^2 places in the text are not valid UTF-8") as found:
        split = build(source, byte_level)
    assert len(found) == 1
    texts = texts_of(split.train, byte_level) + texts_of(split.validation, byte_level)
    assert "".join(texts) == "one \ufffd two \ufffd three \ufffd"


def test_documents_without_text_are_none(files, build, byte_level):
    rows = "".join(json.dumps({"text": text}) + "\n" for text in ["a", "", "b"] * 10)
    source = open_source(text_files=[str(files({"a.jsonl": rows}))])
    found = build(source, byte_level, validation_fraction=0.2)
    assert found.train.num_documents + found.validation.num_documents == 20


def test_validation_files_hold_nothing_out(source, files, build, byte_level):
    other = open_source(text_files=[str(files({"../other.txt": "unseen"}).parent / "other.txt")])
    found = build(source, byte_level, validation_source=other)
    assert texts_of(found.train, byte_level) == texts_in(source)
    assert texts_of(found.validation, byte_level) == ["unseen"]


def built_at(split):
    return [os.stat(store.folder).st_mtime_ns for store in (split.train, split.validation)]


def test_the_same_text_and_tokenizer_are_reused(source, build, byte_pair, tmp_path):
    before = built_at(build(source, byte_pair))
    shutil.rmtree(tmp_path / "text")  # the source knows its fingerprint, but can no longer be read
    assert built_at(build(source, byte_pair)) == before


def test_another_text_tokenizer_or_fraction_has_a_store_of_its_own(source, files, build, byte_pair):
    folders = {build(source, byte_pair).folder}
    folders.add(build(source, tokenizers.train("byte_pair", [words(5000)], 290)).folder)
    folders.add(build(source, byte_pair, validation_fraction=0.2).folder)
    changed = open_source(text_files=[str(files({"00.txt": "changed"}))])
    folders.add(build(changed, byte_pair).folder)
    assert len(folders) == 4


def truncate(path):
    os.truncate(path, os.path.getsize(path) - 1)


def overwrite(path):
    with open(path, "r+b") as file:
        file.write(b"\xff\xff")


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (truncate, "train/tokens.bin"),
        (overwrite, "train/tokens.bin"),
        (os.remove, "validation/offsets.bin"),
        (truncate, "validation/manifest.json"),
        (os.remove, "train/manifest.json"),
    ],
)
def test_a_damaged_store_is_built_again(source, build, byte_pair, damage, name):
    found = build(source, byte_pair)
    before = built_at(found)
    damage(os.path.join(found.folder, name))
    found = build(source, byte_pair)
    assert built_at(found) != before
    assert texts_of(found.validation, byte_pair) == texts_in(source)[4::10]
    assert os.listdir(os.path.dirname(found.folder)) == [os.path.basename(found.folder)]


def test_the_fingerprint_is_of_the_tokens_alone(source, build, byte_pair, tmp_path):
    first = build(source, byte_pair)
    moved = open_source(text_files=[shutil.copytree(tmp_path / "text", tmp_path / "moved")])
    again = build_token_store(moved, byte_pair, data_dir=str(tmp_path / "d2"), progress=False)
    assert again.train.fingerprint == first.train.fingerprint != first.validation.fingerprint


@pytest.mark.parametrize(
    ("contents", "fraction", "message"),
    [
        ({"a.jsonl": '{"text": ""}\n'}, 0.1, "--text_files: there is no text in"),
        (
            {"a.jsonl": '{"text": "a"}\n' * 30},
            0.01,
            "--validation_fraction=0.01 leaves no text .* for v",
        ),
        ({"a.txt": "one two"}, 0.99, "--validation_fraction=0.99 leaves no text of .* for train"),
        ({"a.txt": "one two"}, 0, r"--validation_fraction must be in \(0, 1\)"),
    ],
)
def test_an_empty_part_is_a_clear_error(files, build, byte_level, contents, fraction, message):
    source = open_source(text_files=[str(files(contents))])
    with pytest.raises(UsageError, match=message):
        build(source, byte_level, validation_fraction=fraction)


def test_a_file_in_both_sources_is_a_clear_error(source, build, byte_level):
    with pytest.raises(UsageError, match=r"--validation_files: .*00\.txt is also a training file"):
        build(source, byte_level, validation_source=source)


def test_a_broken_source_leaves_nothing_behind(files, build, byte_level, tmp_path):
    rows = '{"text": "a"}\n' * 30 + "{"
    with pytest.raises(UsageError, match="a.jsonl:31 is not a JSON row"):
        build(open_source(text_files=[str(files({"a.jsonl": rows}))]), byte_level)
    assert os.listdir(tmp_path / "data" / "token_stores") == []


def test_what_a_killed_build_left_is_removed(source, build, byte_level, tmp_path):
    left = tmp_path / "data" / "token_stores" / ".building-left"
    left.mkdir(parents=True)
    (left / "tokens.bin").write_bytes(b"abc")
    os.utime(left, (time.time() - 100,) * 2)
    build(source, byte_level)
    assert not left.exists()


PROGRAM = """
import resource, sys
from tfzoo import tokenizers
from tfzoo.data import build_token_store, open_source
text, data_dir, limit = sys.argv[1:]
source = open_source(text_files=[text])
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
found = build_token_store(
    source, tokenizers.train("bytes", (), 257), data_dir=data_dir, progress=False
)
print(found.train.num_bytes + found.validation.num_bytes)
"""


def started(text, data_dir, limit=0):
    return Program(PROGRAM, [text, data_dir, limit])


def test_no_room_is_a_clear_error_and_leaves_nothing(files, tmp_path):
    folder = files({"a.txt": words(100_000)})
    _, errors = started(folder, tmp_path / "data", limit=100_000).communicate()
    assert "UsageError: --data_dir: there is no room for the tokens in" in errors
    assert os.listdir(tmp_path / "data" / "token_stores") == []


def test_two_processes_may_build_the_same_store_at_once(files, tmp_path):
    text = words(200_000)
    folder = files({"a.txt": text})
    both = [started(folder, tmp_path / "data") for _ in range(2)]
    ends = [process.communicate() for process in both]
    assert [out for out, _ in ends] == [f"{len(text.encode())}\n"] * 2, ends
    assert len(os.listdir(tmp_path / "data" / "token_stores")) == 1
