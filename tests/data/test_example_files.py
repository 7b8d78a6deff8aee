"""Examples from files: each format, plain and compressed."""

import gzip

import pytest

from tests.data.example_files import CORNELL, examples, json_lines, opened
from tfzoo.errors import UsageError

PAIRS = [{"source": 'A "cat", né', "target": "Eine Katze"}, {"source": "two", "target": "zwei"}]
ROWS = [{"text": "good, really\nso", "label": "1"}, {"text": '"bad"', "label": "0"}]
SENTENCES = [
    {"words": ["EU", "rejects"], "tags": ["B-ORG", "O"]},
    {"words": ["#", "1"], "tags": ["O", "O"]},
]
DIALOGUES = [{"turns": ["Hi.", "Hello?", "Bye!"]}, {"turns": ["What?", "Nothing."]}]


@pytest.mark.parametrize(
    ("kind", "contents", "expected"),
    [
        ("pairs", {"a.tsv": 'A "cat", né\tEine Katze\n\ntwo\tzwei'}, PAIRS),
        ("pairs", {"a.tsv": 'target\tsource\nEine Katze\tA "cat", né\r\nzwei\ttwo\r\n'}, PAIRS),
        ("pairs", {"a.csv": '"A ""cat"", né",Eine Katze\r\ntwo,zwei\r\n'}, PAIRS),
        ("pairs", {"a.jsonl": json_lines(PAIRS)}, PAIRS),
        ("pairs", {"t.en": 'A "cat", né\n\ntwo\n', "t.de": "Eine Katze\n\nzwei"}, PAIRS),
        ("labelled", {"a.csv": 'id,label,text\n7,1,"good, really\nso"\n8,0,"""bad"""\n'}, ROWS),
        ("labelled", {"a.jsonl": json_lines(ROWS) + "\n"}, ROWS),
        ("tagged", {"a.conll": "EU NNP B-ORG\nrejects VB O\n\n\n# # O\n1 CD O\n"}, SENTENCES),
        (
            "tagged",
            {"a.txt": "-DOCSTART- O\n\n# id 1\nEU\tB-ORG\nrejects\tO\n\n#\tO\n1\tO"},
            SENTENCES,
        ),
        ("tagged", {"a.jsonl": json_lines(SENTENCES)}, SENTENCES),
        ("dialogue", {"a.jsonl": json_lines(DIALOGUES)}, DIALOGUES),
        (
            "dialogue",
            CORNELL,
            [
                {"turns": ["Hi.", "Hello?", "Café +++$+++ closed."]},
                {"turns": ["Café +++$+++ closed.", "Hello?"]},
            ],
        ),
    ],
)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_files_hold_their_examples(files, kind, contents, expected, compressed):
    folder, names = files(contents), list(contents)
    if compressed:
        packed = {}
        for name in names:
            packed[f"{name}.gz"] = gzip.compress((folder / name).read_bytes())
        folder, names = files(packed), list(packed)
    assert examples(kind, folder, *names) == expected


def test_spaces_that_are_text_do_not_end_a_column(files):
    folder = files({"a.conll": "prix\u00a0net B-X\na\u3000b O\n\n10\u00a0000  B-N\n"})
    assert [found["words"] for found in examples("tagged", folder, "a.conll")] == [
        ["prix\u00a0net", "a\u3000b"],
        ["10\u00a0000"],
    ]


def test_comments_of_conll_u_are_no_words_whatever_their_width(files):
    folder = files({"a.conll": "# sent_id = 1\nEU NNP I-NP I-ORG\n# # = O\n"})
    assert examples("tagged", folder, "a.conll") == [{"words": ["EU", "#"], "tags": ["I-ORG", "O"]}]


def test_capitals_in_a_suffix_change_nothing(files):
    packed = gzip.compress(b"a\tb\n")
    assert examples("pairs", files({"UP.TSV.GZ": packed}), "UP.TSV.GZ") == [
        {"source": "a", "target": "b"}
    ]


def test_a_header_that_is_not_utf_8_is_told_with_its_line(files):
    folder = files({"a.tsv": "text\tlabel\na\tb\n".encode("utf-16")})
    with pytest.raises(UsageError, match="a.tsv:1: is not valid UTF-8, so it cannot name"):
        examples("labelled", folder, "a.tsv")


def test_a_byte_order_mark_is_no_text(files):
    folder = files({name: "\ufeffa\tb\n" for name in ("a.tsv",)} | {"a.csv": "\ufeffa,b\n"})
    assert examples("pairs", folder, "a.tsv", "a.csv") == [{"source": "a", "target": "b"}] * 2


def test_only_line_feeds_end_lines(files):
    folder = files({"a.tsv": "a\u2028b\x0bc\td\x85e\n"})
    assert examples("pairs", folder, "a.tsv") == [{"source": "a\u2028b\x0bc", "target": "d\x85e"}]


def test_a_field_may_be_as_long_as_a_book(files):
    book = "word " * 100_000
    rows = [{"text": book, "label": "long"}]
    assert examples("labelled", files({"a.csv": f"text,label\n{book},long\n"}), "a.csv") == rows


def test_fields_may_have_other_names(files):
    folder = files({"a.tsv": "de\tid\ten\nzwei\t1\ttwo\n"})
    fields = {"source": "en", "target": "de"}
    assert examples("pairs", folder, "a.tsv", fields=fields) == PAIRS[1:]


def test_a_second_text_is_there_if_it_has_a_name(files):
    folder = files({"a.tsv": "text\tother\tlabel\na\tb\tyes\n"})
    assert examples("labelled", folder, "a.tsv") == [{"text": "a", "label": "yes"}]
    fields = {"text_pair": "other", "text": None}
    expected = [{"text": "a", "text_pair": "b", "label": "yes"}]
    assert examples("labelled", folder, "a.tsv", fields=fields) == expected


def test_labels_of_json_are_called_as_json_writes_them(files):
    rows = [{"text": "a", "label": label} for label in (1, 2.5, True, " yes ")]
    found = opened("labelled", files({"a.jsonl": json_lines(rows)}), "a.jsonl")
    assert [example["label"] for example in found.examples()] == ["1", "2.5", "true", "yes"]
    assert found.labels == ("1", "2.5", "true", "yes")


def test_scored_rows_have_numbers(files):
    folder = files({"a.tsv": "text\tlabel\na\t2.5\nb\t-1\n"})
    assert [example["label"] for example in examples("scored", folder, "a.tsv")] == [2.5, -1.0]


def test_tags_are_labels(files):
    assert opened("tagged", files({"a.jsonl": json_lines(SENTENCES)}), "a.jsonl").labels == (
        "B-ORG",
        "O",
    )


def test_columns_of_conll_files_go_by_number(files):
    folder = files({"a.conllu": "# text = I see\n1\tI\t_\tPRON\n2\tsee\t_\tVERB\n"})
    fields = {"words": "2", "tags": "4"}
    expected = [{"words": ["I", "see"], "tags": ["PRON", "VERB"]}]
    assert examples("tagged", folder, "a.conllu", fields=fields) == expected


def test_fingerprints_go_by_content_kind_and_fields(files):
    folder = files({"a.jsonl": json_lines(PAIRS), "b.jsonl": json_lines(PAIRS), "c.jsonl": "{}"})
    same = {opened("pairs", folder, name).fingerprint for name in ("a.jsonl", "b.jsonl")}
    assert len(same) == 1
    others = {
        opened("pairs", folder, "c.jsonl").fingerprint,
        opened("labelled", folder, "a.jsonl").fingerprint,
        opened("scored", folder, "a.jsonl").fingerprint,
        opened("pairs", folder, "a.jsonl", fields={"source": "x"}).fingerprint,
    }
    assert len(same | others) == 5


def test_a_pass_changes_nothing_for_the_next(files):
    source = opened("labelled", files({"a.jsonl": json_lines(ROWS)}), "a.jsonl")
    assert list(source.examples()) == list(source.examples()) == ROWS
