"""BLEU and chrF: cases computed by hand, of the whole set and not sentence by sentence."""

import math

import pytest

from tfzoo.evaluation import score_translations

REFERENCE = "the cat sat on the mat"


def test_bleu_is_as_computed_by_hand():
    found = score_translations(["the cat sat on a mat"], [REFERENCE])
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples and 1 of 3 quadruples are in the reference.
    expected = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert found.bleu == pytest.approx(expected)
    assert found.num_sentences == 1


def test_a_short_translation_pays_for_its_brevity():
    found = score_translations(["the cat sat on"], [REFERENCE])
    assert found.bleu == pytest.approx(100 * math.exp(1 - 6 / 4))


def test_counts_are_added_up_over_the_set():
    found = score_translations([REFERENCE, "a dog in a big old town"], [REFERENCE, "one two three"])
    precisions = 6 / 13 * 5 / 11 * 4 / 9 * 3 / 7
    assert found.bleu == pytest.approx(100 * precisions**0.25)


def test_chrf_is_as_computed_by_hand():
    # One of two characters agrees, the one pair does not: precision and recall (1/2 + 0) / 2.
    assert score_translations(["ab"], ["ac"]).chrf == pytest.approx(25.0)
    # Precision 1, recall (2/3 + 1/2) / 2 over the lengths that both have; recall counts four-fold.
    recall = (2 / 3 + 1 / 2) / 2
    expected = 100 * 5 * recall / (4 + recall)
    assert score_translations(["ab"], ["abc"]).chrf == pytest.approx(expected)


def test_perfect_translations_have_all():
    found = score_translations([REFERENCE, "zwei"], [REFERENCE, "zwei"])
    assert (found.bleu, found.chrf) == (pytest.approx(100), pytest.approx(100))


def test_signatures_tell_the_rules():
    found = score_translations([REFERENCE], [REFERENCE])
    assert found.bleu_signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert found.chrf_signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")


@pytest.mark.parametrize(("found", "references"), [([], []), (["a"], ["a", "b"])])
def test_what_cannot_be_compared_is_refused(found, references):
    with pytest.raises(ValueError, match=f"{len(found)} found, {len(references)} references"):
        score_translations(found, references)
