"""The packaged examples: fetched from where they are, complete, and read as what they are."""

from collections import Counter

import pytest

from tfzoo.data import open_examples
from tfzoo.data.examples.libreoffice import PACKAGES
from tfzoo.errors import UsageError

REVIEWS_AS_PAIRS = {"source": "text", "target": "label"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("data"))

    def open_dataset(kind, name, **options):
        try:
            return open_examples(kind, dataset=name, data_dir=folder, **options)
        except UsageError as error:
            if "could not download" in str(error) or "this system has no" in str(error):
                pytest.skip(str(error))
            raise

    return open_dataset


@pytest.fixture(scope="module")
def help_pairs(opened):
    source = opened("pairs", "libreoffice_help_en_de")
    if {facts["version"] for facts in source.packages.values()} != {PACKAGES.version}:
        pytest.skip("the mirror has moved on")
    return list(source.examples())


def test_the_help_has_its_pairs_no_pair_twice(help_pairs):
    pairs = Counter((pair["source"], pair["target"]) for pair in help_pairs)
    assert (len(help_pairs), len(pairs)) == (35_506, 35_506)
    assert not [source for source, target in pairs if source == target]


def test_the_help_is_text_without_marks(help_pairs):
    assert help_pairs[100] == {
        "source": "Read or Edit Properties of Controls in the Program",
        "target": "Eigenschaften von Steuerelementen im Programm abfragen oder ändern",
    }
    texts = (text for pair in help_pairs for text in pair.values())
    assert not [text for text in texts if "<span" in text or "&nbsp;" in text or "  " in text]


def test_line_breaks_of_the_help_are_spaces(help_pairs):
    starts = {pair["source"][:22] for pair in help_pairs}
    assert "For Windows, %APPDATA%" in starts


def test_the_help_goes_both_ways(opened, help_pairs):
    back = opened("pairs", "libreoffice_help_en_de", fields={"source": "de", "target": "en"})
    found = list(back.examples())
    assert [pair["target"] for pair in found] == [pair["source"] for pair in help_pairs]
    assert back.fingerprint != opened("pairs", "libreoffice_help_en_de").fingerprint


def test_reviews_are_fresh_or_rotten(opened):
    source = opened("labelled", "rotten_reviews")
    counts = Counter(example["label"] for example in source.examples())
    assert counts == {"fresh": 7403, "rotten": 5405}
    assert source.labels == ("fresh", "rotten")


def test_reviews_may_be_read_as_pairs_with_the_label_in_words(opened):
    found = list(opened("pairs", "rotten_reviews", fields=REVIEWS_AS_PAIRS).examples())
    assert found[0] == {"source": "A three-hour cinema master class.", "target": "fresh"}
    assert len(found) == 12_808


def test_chatterbot_has_its_conversations(opened):
    turns = [example["turns"] for example in opened("dialogue", "chatterbot").examples()]
    assert (len(turns), sum(len(t) - 1 for t in turns)) == (2025, 2306)
    assert ["Will you die?", "No, software will live forever."] in turns


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("pairs", "rotten_reviews", r"--source_field: rotten_reviews has no field 'source'"),
        ("labelled", "chatterbot", r"--text_field: chatterbot has no field 'text' .* \['turns'\]"),
        ("dialogue", "libreoffice_help_en_de", r"no field 'turns' .* it has \['de', 'en'\]"),
    ],
)
def test_a_dataset_of_another_kind_is_one_clear_error(opened, kind, name, message):
    with pytest.raises(UsageError, match=message):
        opened(kind, name)
