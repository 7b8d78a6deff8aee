"""Sentences in pairs are read with their groups; what is no pair is told with file and line."""

import gzip

import pytest

from tfzoo.errors import UsageError
from tfzoo.evaluation import Pair, read_pairs

ROWS = [("He led.", "She led.", "gender"), ('They "know".', "We know, é.", "origin")]


def written(path, rows, newline="\n"):
    path.write_bytes("".join("\t".join(row) + newline for row in rows).encode())
    return str(path)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("columns", "header"),
    [
        ((0, 1, 2), None),
        ((0, 1, 2), ("more", "less", "group")),
        ((2, 1, 0), ("group", "less", "more")),
        ((2, 0, 1, 2), ("note", "more", "less", "group")),
    ],
)
def test_columns_stand_in_order_or_are_named(tmp_path, columns, header, newline):
    rows = [tuple(row[i] for i in columns) for row in ROWS]
    path = written(tmp_path / "pairs.tsv", ([header] if header else []) + rows, newline)
    assert [pair[:3] for pair in read_pairs(path)] == ROWS


CROWS_PAIRS = """,sent_more,sent_less,stereo_antistereo,bias_type,annotations
0,"He led, ""always"".",She led.,stereo,gender,"[['gender'], []]"
1,We know é.,They know é.,antistereo,nationality,[]
"""


def test_crows_pairs_is_read_as_it_is_published(tmp_path):
    path = tmp_path / "crows_pairs_anonymized.csv"
    path.write_text(CROWS_PAIRS)
    assert read_pairs(str(path)) == [
        Pair('He led, "always".', "She led.", "gender", f"{path}:2"),
        Pair("We know é.", "They know é.", "nationality", f"{path}:3"),
    ]
    path.write_text(CROWS_PAIRS + "2,so,,stereo,age,[]\n3,so\n")
    with pytest.raises(UsageError) as caught:
        read_pairs(str(path))
    assert str(caught.value).splitlines()[1:] == [
        f"  {path}:4 has nothing in the column 'sent_less'",
        f"  {path}:5 has 2 fields, not 6",
    ]


@pytest.mark.parametrize("names", ["More,Less,Group", "sent_more,sent_less,bias_type"])
@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv"])
def test_a_header_is_no_pair(tmp_path, name, names):
    content = f"{names}\nHe led.,She led.,gender\n"
    path = tmp_path / name
    path.write_text(content if name.endswith("csv") else content.replace(",", "\t"))
    assert read_pairs(str(path)) == [Pair("He led.", "She led.", "gender", f"{path}:2")]


def test_a_csv_file_must_name_its_columns(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("He led.,She led.,gender\n")
    with pytest.raises(UsageError, match="must name the columns, more and less or sent_more"):
        read_pairs(str(path))


@pytest.mark.parametrize("header", [[], [("more", "less")]])
def test_groups_may_be_left_out(tmp_path, header):
    path = written(tmp_path / "pairs.tsv", header + [row[:2] for row in ROWS])
    line = len(header) + 1
    assert read_pairs(path)[0] == Pair("He led.", "She led.", "", f"{path}:{line}")


def test_blank_lines_and_compression_change_nothing(tmp_path):
    content = "\n" + "\n\t\n".join("\t".join(row) for row in ROWS)
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress(content.encode("utf-8-sig")))
    pairs = read_pairs(str(path))
    assert [pair[:3] for pair in pairs] == ROWS
    assert [pair.name for pair in pairs] == [f"{path}:2", f"{path}:4"]


def test_every_bad_row_is_told_with_file_and_line(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b"a\tb\tg\na\tb\n\xff\tb\tg\na\t \tg\na\tb\t\na\tb\tg\th\n")
    with pytest.raises(UsageError) as caught:
        read_pairs(str(path))
    assert str(caught.value).splitlines() == [
        "--pairs: 5 bad rows:",
        f"  {path}:2 has 2 columns, not 3 (more, less, group)",
        f"  {path}:3 is not valid UTF-8",
        f"  {path}:4 has nothing in the column 'less'",
        f"  {path}:5 has nothing in the column 'group'",
        f"  {path}:6 has 4 columns, not 3 (more, less, group)",
    ]


def test_a_hundred_bad_rows_are_told(tmp_path):
    path = written(tmp_path / "pairs.tsv", [("a",)] * 150)
    with pytest.raises(UsageError, match="150 bad rows") as caught:
        read_pairs(path)
    assert len(str(caught.value).splitlines()) == 102 and str(caught.value).endswith("and more")


@pytest.mark.parametrize("content", ["", "\n\n", "more\tless\n"])
def test_a_file_without_pairs_is_refused(tmp_path, content):
    (tmp_path / "pairs.tsv").write_text(content)
    with pytest.raises(UsageError, match="holds no pairs"):
        read_pairs(str(tmp_path / "pairs.tsv"))


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--pairs: .*cannot be read"):
        read_pairs(str(tmp_path / "none.tsv"))
