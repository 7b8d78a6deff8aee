"""Folders: what loads, what is refused and why, and that no half of one is ever seen."""

import json
import os
import subprocess
import sys

import pytest

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders
from tfzoo.tokenizers.byte_pair import BytePairTokenizer

TEXT = ["some words and some more words"]


@pytest.fixture
def folder(tmp_path):
    """A saved byte_pair tokenizer."""
    tokenizers.train("byte_pair", TEXT, 262).save(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def change(folder, name, edit):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(edit(content)))


def without(key):
    return lambda content: {k: v for k, v in content.items() if k != key}


def test_two_files_of_gpt2_are_enough(folder):
    saved = tokenizers.load(folder)
    (folder / folders.HEADER).unlink()
    assert tokenizers.load(folder).fingerprint == saved.fingerprint


def test_carriage_returns_and_other_spacing_change_nothing(folder):
    saved = tokenizers.load(folder)
    change(folder, "vocab.json", lambda content: dict(reversed(content.items())))
    lines = (folder / "merges.txt").read_text().splitlines()[1:]
    (folder / "merges.txt").write_text("\r\n".join(lines), newline="")
    assert tokenizers.load(folder).fingerprint == saved.fingerprint


def test_a_merge_of_hash_signs_is_no_comment(tmp_path):
    tokenizer = tokenizers.train("byte_pair", ["## ## #### ####"], 258)
    tokenizer.save(tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "merges.txt").write_text("# #\n")
    assert tokenizers.load(tmp_path / "tokenizer").merges == [("#", "#")]


FAULTS = {
    "vocab.json is missing": lambda f: (f / "vocab.json").unlink(),
    "merges.txt is missing": lambda f: (f / "merges.txt").unlink(),
    "vocab.json is cut off": lambda f: (f / "vocab.json").write_text('{"a": 0, "b'),
    "vocab.json is a list": lambda f: (f / "vocab.json").write_text("[1, 2]"),
    "vocab.json holds texts": lambda f: change(f, "vocab.json", lambda c: dict.fromkeys(c, "0")),
    "merges.txt is not UTF-8": lambda f: (f / "merges.txt").write_bytes(b"\xff \xfe\n"),
    "ids have a hole": lambda f: change(f, "vocab.json", lambda c: c | {"<|endoftext|>": 300}),
    "ids come twice": lambda f: change(f, "vocab.json", lambda c: c | {"<|endoftext|>": 0}),
    "a byte is missing": lambda f: change(f, "vocab.json", lambda c: renamed(c, "Ġ", "ĠĠĠ")),
    "there is no end of text": lambda f: change(f, "vocab.json", lambda c: renamed(c, EOT, "qq")),
    "a token is not in byte characters": lambda f: change(
        f, "vocab.json", lambda c: c | {"a b": len(c)}
    ),
    "a merge has one part": lambda f: (f / "merges.txt").write_text("ab\n"),
    "a merge has three parts": lambda f: (f / "merges.txt").write_text("a b c\n"),
    "a merge has an unknown part": lambda f: (f / "merges.txt").write_text("a 中\n"),
    "a merge makes an unknown token": lambda f: (f / "merges.txt").write_text("q q\n"),
    "a merge comes twice": lambda f: (f / "merges.txt").write_text("s o\ns o\n"),
    "the header is broken": lambda f: (f / folders.HEADER).write_text("{"),
    "the header is a list": lambda f: (f / folders.HEADER).write_text("[]"),
    "the header is of the future": lambda f: change(f, folders.HEADER, lambda c: c | {"format": 9}),
    "the header has no kind": lambda f: change(f, folders.HEADER, without("kind")),
    "the header has no specials": lambda f: change(f, folders.HEADER, without("special_tokens")),
    "the kind is unknown": lambda f: change(f, folders.HEADER, lambda c: c | {"kind": "runes"}),
    "the kind is another's": lambda f: change(
        f, folders.HEADER, lambda c: c | {"kind": "characters"}
    ),
}
EOT = "<|endoftext|>"


def renamed(content, old, new):
    return {new if key == old else key: value for key, value in content.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_folder_is_refused(folder, fault):
    FAULTS[fault](folder)
    with pytest.raises(UsageError) as error:
        tokenizers.load(folder)
    assert f"`--tokenizer={folder}`" in str(error.value)


def test_a_merge_that_makes_the_special_token_is_refused(folder):
    change(folder, "vocab.json", lambda c: renamed(c, EOT, "<>"))
    change(folder, folders.HEADER, lambda c: c | {"special_tokens": {"end_of_text": "<>"}})
    assert tokenizers.load(folder).end_of_text == tokenizers.load(folder).vocabulary["<>"]
    with open(folder / "merges.txt", "a") as file:
        file.write("< >\n")
    with pytest.raises(UsageError, match="special token <>"):
        tokenizers.load(folder)


@pytest.mark.parametrize("content", ["{}", "[]", '["ab"]', '["a", "a"]', '["\\ud800"]', "[1]"])
def test_broken_characters_are_refused(tmp_path, content):
    tokenizers.train("characters", TEXT, 100).save(tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "characters.json").write_text(content)
    with pytest.raises(UsageError, match="characters.json"):
        tokenizers.load(tmp_path / "tokenizer")


BERT = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nA\na\n"


def test_a_file_says_which_of_the_folders_tokenizers_is_meant(folder):
    (folder / "vocab.txt").write_text(BERT)
    loaded = tokenizers.load(folder / "vocab.txt")
    assert (loaded.kind, loaded.tokens, loaded.lowercase) == ("word_piece", BERT.split(), False)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    assert tokenizers.load(folder / "vocab.txt").lowercase  # as of the folder
    for name in ("vocab.json", "merges.txt"):
        assert tokenizers.load(folder / name).fingerprint == tokenizers.load(folder).fingerprint
    (folder / "merges.txt").unlink()
    with pytest.raises(UsageError, match="has no merges.txt"):
        tokenizers.load(folder / "vocab.json")


def test_another_file_is_refused_with_those_that_are_taken(folder):
    (folder / "words.bin").write_text("{}")
    with pytest.raises(UsageError) as error:
        tokenizers.load(folder / "words.bin")
    assert f"`--tokenizer={folder / 'words.bin'}` is no file of a tokenizer" in str(error.value)
    assert "tokenizer.json, vocab.json, merges.txt, vocab.txt, *.model" in str(error.value)


def test_what_is_no_folder_is_refused_with_the_remedy(tmp_path):
    for wrong in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UsageError, match="--tokenizer=.*Give "):
            tokenizers.load(wrong)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="byte_pair, bytes, characters.*--tokenizer=runes"):
        tokenizers.train("runes", TEXT, 300)


def test_a_class_refuses_the_folder_of_another(folder):
    with pytest.raises(UsageError, match="byte_pair"):
        tokenizers.CharactersTokenizer.load(folder)


def test_saving_twice_is_saving_once(folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    tokenizers.load(folder).save(folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_another_tokenizer_is_not_overwritten(folder):
    before = tokenizers.load(folder).fingerprint
    with pytest.raises(UsageError, match="something else"):
        tokenizers.train("bytes", (), 257).save(folder)
    assert tokenizers.load(folder).fingerprint == before


def test_a_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def disk_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        tokenizers.train("bytes", (), 257).save(tmp_path / "tokenizer")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    tokenizers.train("characters", TEXT, 100).save(tmp_path / "a" / "b")
    names = {path.name for path in (tmp_path / "a" / "b").iterdir()}
    assert names == {"characters.json", folders.HEADER}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_fingerprints_differ_with_all_that_decides_ids():
    trained = BytePairTokenizer.train(TEXT, 262)
    vocabulary, merges = trained.vocabulary, trained.merges
    swapped = vocabulary | {"a": vocabulary["b"], "b": vocabulary["a"]}
    found = {
        BytePairTokenizer(vocabulary, merges).fingerprint,
        BytePairTokenizer(vocabulary, merges[::-1]).fingerprint,
        BytePairTokenizer(swapped, merges).fingerprint,
        tokenizers.BytesTokenizer().fingerprint,
        tokenizers.CharactersTokenizer("ab").fingerprint,
        tokenizers.CharactersTokenizer("ac").fingerprint,
    }
    assert len(found) == 6


@pytest.mark.slow
def test_tensorflow_text_waits_for_the_graph():
    code = "import sys, tfzoo.tokenizers as t; t.train('byte_pair', ['a'], 257)"
    code += "; assert 'tensorflow_text' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
