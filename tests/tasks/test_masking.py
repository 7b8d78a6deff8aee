"""Masked words: an example drawn, and the shares that BERT's paper names."""

import numpy as np
import pytest

from tfzoo.tasks.masking import Masking

PIECES = "[PAD] [CLS] [SEP] [MASK] the man ##kind went to ##wards sea ##shore and sang".split()
IDS = {piece: i for i, piece in enumerate(PIECES)}
SPECIAL = np.arange(len(PIECES)) < 4
STARTS = np.array([not piece.startswith("##") for piece in PIECES])
ROW = "[CLS] the man ##kind went to ##wards the sea ##shore [SEP] and sang the man [SEP] [PAD]"


def ids(text):
    return np.array([IDS[piece] for piece in text.split()], np.int32)


def text(token_ids):
    return " ".join(PIECES[i] for i in token_ids)


def masking(probability=0.4, word_starts=STARTS):
    return Masking(IDS["[MASK]"], SPECIAL, word_starts, probability)


def test_a_drawn_example():
    row = masking().mask_row(ids(ROW), np.random.default_rng(5))
    assert text(row["token_ids"]) == (
        "[CLS] the [MASK] [MASK] to to ##wards the sea ##shore [SEP] [MASK] [MASK] the man "
        "[SEP] [PAD]"
    )
    assert row["positions"].tolist() == [2, 3, 4, 11, 12, 0, 0]
    assert text(row["targets"]) == "man ##kind went and sang [PAD] [PAD]"
    assert row["weights"].tolist() == [1, 1, 1, 1, 1, 0, 0]


def many_rows(number=3000, **arguments):
    generator = np.random.default_rng(0)
    return [masking(**arguments).mask_row(ids(ROW), generator) for _ in range(number)]


def test_as_many_are_guessed_as_asked_for():
    """13 of the 17 tokens may be guessed: 5 of them, in room for 7."""
    for row in many_rows(50, word_starts=np.ones_like(STARTS)):
        assert row["weights"].tolist() == [1, 1, 1, 1, 1, 0, 0]
        assert len(set(row["positions"][:5])) == 5 and list(row["positions"][5:]) == [0, 0]


def test_of_the_guessed_80_percent_are_hidden_and_10_exchanged():
    rows = many_rows()
    read = np.concatenate([row["token_ids"][row["positions"]] for row in rows])
    weights = np.concatenate([row["weights"] for row in rows]) > 0
    read, targets = read[weights], np.concatenate([row["targets"] for row in rows])[weights]
    assert np.mean(read == IDS["[MASK]"]) == pytest.approx(0.8, abs=0.01)
    exchanged = read[(read != IDS["[MASK]"]) & (read != targets)]
    assert len(exchanged) / len(read) == pytest.approx(0.1 * 9 / 10, abs=0.01)
    assert set(exchanged) == set(np.flatnonzero(~SPECIAL))


def test_each_word_is_as_likely_as_any_other():
    found = [row["positions"][row["weights"] > 0] for row in many_rows(word_starts=STARTS | True)]
    shares = np.bincount(np.concatenate(found), minlength=17) / len(found)
    np.testing.assert_allclose(shares[~SPECIAL[ids(ROW)]], 5 / 13, atol=0.03)
    assert not shares[SPECIAL[ids(ROW)]].any()


def test_what_is_not_guessed_stays():
    for row in many_rows(50):
        chosen = row["positions"][row["weights"] > 0]
        others = np.setdiff1d(np.arange(17), chosen)
        assert (row["token_ids"][others] == ids(ROW)[others]).all()
        assert (row["targets"][: len(chosen)] == ids(ROW)[chosen]).all()


def test_words_are_guessed_whole():
    for row in many_rows(300):
        chosen = set(row["positions"][row["weights"] > 0].tolist())
        for word in ({2, 3}, {5, 6}, {8, 9}):
            assert word <= chosen or not word & chosen


def test_of_a_row_whose_words_are_all_too_long_the_first_tokens_of_one_are_guessed():
    """Text without spaces is one word; a row without a guess would teach nothing."""
    row = ids("[CLS] the ##kind ##shore ##wards ##kind sea ##wards ##shore ##kind [SEP]")
    for seed in range(20):
        masked = masking(0.3).mask_row(row, np.random.default_rng(seed))
        assert masked["positions"].tolist() in ([1, 2, 3], [6, 7, 8])
        assert masked["weights"].tolist() == [1, 1, 1]


def test_a_row_of_special_tokens_has_nothing_to_guess():
    row = masking().mask_row(ids("[CLS] [SEP] [PAD] [PAD]"), np.random.default_rng(0))
    assert text(row["token_ids"]) == "[CLS] [SEP] [PAD] [PAD]"
    assert not row["weights"].any()
