"""What is held out for validation, and the sample that vocabularies are learned from."""

import json

import pytest

from tests.data.texts import words
from tfzoo.data import open_source, training_documents
from tfzoo.data.split import TRAIN, VALIDATION, split
from tfzoo.errors import UsageError


def numbered(files, count):
    rows = "".join(json.dumps({"text": f"{n} {words(20, seed=n)}"}) + "\n" for n in range(count))
    return open_source(text_files=[str(files({"a.jsonl": rows}))])


def parts(source, fraction=0.1):
    found = {TRAIN: [], VALIDATION: []}
    for part in split(source, fraction):
        found[part.use].append(b"".join(part.pieces()))
    return found


def numbers(texts):
    return [int(text.split()[0]) for text in texts]


@pytest.mark.parametrize(
    ("count", "fraction", "expected"),
    [(20, 0.1, [4, 14]), (25, 0.2, [2, 7, 12, 17, 22]), (40, 0.04, [12, 37])],
)
def test_whole_documents_evenly_spread_from_20_on(files, count, fraction, expected):
    found = parts(numbered(files, count), fraction)
    assert numbers(found[VALIDATION]) == expected
    assert numbers(found[TRAIN]) == [n for n in range(count) if n not in expected]


def test_tails_of_19_documents(files):
    source = numbered(files, 19)
    whole = [b"".join(document.pieces()) for document in source.documents()]
    found = parts(source)
    assert [head + tail for head, tail in zip(*found.values(), strict=True)] == whole


def test_tails_have_their_share_and_begin_at_white_space(files):
    text = words(20_000).encode()
    found = parts(open_source(text_files=[str(files({"a.txt": text}))]), 0.25)
    tail = found[VALIDATION][0]
    assert tail[:1].isspace()
    assert 0 <= len(tail) - 0.25 * len(text) < 50


def test_fraction_0_holds_out_nothing(files):
    assert not parts(numbered(files, 30), 0)[VALIDATION]


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_fractions_out_of_range_are_refused(files, fraction):
    with pytest.raises(UsageError, match=r"--validation_fraction must be in \(0, 1\)"):
        split(numbered(files, 30), fraction)


@pytest.mark.parametrize("count", [19, 20])
def test_the_vocabulary_sample_is_all_training_text_and_none_of_the_rest(files, count):
    source = numbered(files, count)
    assert b"".join(training_documents(source, 0.1)) == b"".join(parts(source)[TRAIN])


def test_the_vocabulary_sample_is_bounded_and_spread(files):
    source = numbered(files, 1000)
    found = list(training_documents(source, 0.1, max_bytes=source.total_bytes // 10))
    assert 0.5 * source.total_bytes / 10 < sum(map(len, found)) <= source.total_bytes / 10
    middle = [number for number in numbers(found) if 250 <= number < 750]
    assert 0.4 * len(found) < len(middle) < 0.6 * len(found)
