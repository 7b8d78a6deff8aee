"""The byte 5-gram: a distribution, as computed by hand, and as good as counting gets."""

import numpy as np
import pytest

from tfzoo import tokenizers
from tfzoo.data import build_token_store, build_whole_store, open_source
from tfzoo.evaluation.byte_ngram import BITS, END_OF_TEXT, ByteNGram, _discounts, bits_per_byte

TEXT = b"the people of the nation; the peace of the people. " * 20


def symbols(text):
    return np.array([END_OF_TEXT, *text, END_OF_TEXT], np.uint16)


def code(text):
    result = 0
    for symbol in text:
        result = result << BITS | symbol
    return result


@pytest.mark.parametrize("order", [1, 2, 5, 7])
@pytest.mark.parametrize("context", [b"", b"the p", b" of t", b"zzzz", b"qthe "])
def test_probabilities_sum_to_one(order, context):
    ngrams = [code([*context, symbol]) for symbol in range(257)]
    assert ByteNGram(symbols(TEXT), order).probabilities(
        np.array(ngrams, np.uint64)
    ).sum() == pytest.approx(1)


def test_every_symbol_keeps_a_probability_whatever_the_counts():
    # Of a licence's text: the estimate for a count of 2 is below 0 (1, 2, 3, 4 and more times).
    counts = np.repeat([1, 2, 3, 4, 5], [2421, 590, 649, 226, 631])
    discounts = _discounts(counts)
    assert (discounts[1:] > 0).all() and (discounts <= [0, 1, 2, 3]).all()
    assert discounts[2] == 0.5


def test_a_bigram_is_as_computed_by_hand():
    # "abab" between end-of-texts, E. Bigrams: Ea 1, ab 2, ba 1, bE 1 and, since the stream begins
    # as if after an E, EE 1. All discounts are 1/2, for counts this small.
    # Symbols by what was seen before them: a after E and b, b after a, E after b and E: 2, 1, 2.
    def unigram(count):
        return (count - 0.5 if count else 0) / 5 + 3 * 0.5 / 5 / 257

    model = ByteNGram(np.array([END_OF_TEXT, *b"abab", END_OF_TEXT], np.uint16), order=2)
    expected = {
        b"ab": 1.5 / 2 + 0.5 / 2 * unigram(1),  # after a: b twice
        b"aa": 0.5 / 2 * unigram(2),
        b"ba": 0.5 / 2 + 2 * 0.5 / 2 * unigram(2),  # after b: a once, E once
        b"bc": 2 * 0.5 / 2 * unigram(0),
        b"cb": unigram(1),  # nothing is known after c
    }
    found = model.probabilities(np.array([code(pair) for pair in expected], np.uint64))
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-12)


def test_bits_are_those_of_each_symbol_after_all_before_it():
    model, text = ByteNGram(symbols(TEXT), 3), symbols(b"the pope")
    padded = [END_OF_TEXT, END_OF_TEXT, *map(int, text)]
    ngrams = [code(padded[place : place + 3]) for place in range(1, len(text))]
    expected = -np.log2(model.probabilities(np.array(ngrams, np.uint64))).sum()
    assert model.bits(text) == pytest.approx(expected)


def test_text_cut_in_two_has_the_bits_of_the_whole():
    model, text = ByteNGram(symbols(TEXT)), symbols(b"the peace of nations")
    assert model.bits(text[:9]) + model.bits(text[5:], num_given=4) == pytest.approx(
        model.bits(text)
    )


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.txt").write_bytes(TEXT[number:] + "né 中".encode())
    return open_source(text_files=[str(folder)])


def test_the_tokenizer_makes_no_difference(source, tmp_path):
    found = []
    for kind in ("byte_pair", "bytes"):
        tokenizer = tokenizers.train(kind, [TEXT], 270)
        stores = build_token_store(source, tokenizer, data_dir=str(tmp_path), progress=False)
        found.append(bits_per_byte(stores.train, stores.validation, tokenizer))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_bits_per_byte_are_those_of_the_whole_stream(source, tmp_path, monkeypatch):
    monkeypatch.setattr("tfzoo.evaluation.byte_ngram.STRETCH_TOKENS", 100)
    tokenizer = tokenizers.train("bytes", (), 257)
    store = build_whole_store(source, tokenizer, data_dir=str(tmp_path), progress=False)
    stream = store.tokens.astype(np.uint16)  # of this tokenizer, ids are symbols
    expected = ByteNGram(stream).bits(stream) / store.num_bytes
    assert bits_per_byte(store, store, tokenizer) == pytest.approx(expected)


def test_large_texts_are_sampled_all_over(tmp_path):
    path = tmp_path / "two_halves.txt"
    path.write_bytes(TEXT * 3 + TEXT.translate(bytes(range(1, 256)) + b"0") * 3)
    source, tokenizer = open_source(text_files=[path]), tokenizers.train("bytes", (), 257)
    store = build_whole_store(source, tokenizer, data_dir=str(tmp_path), progress=False)
    whole = bits_per_byte(store, store, tokenizer)
    sampled = bits_per_byte(store, store, tokenizer, max_bytes=store.num_bytes // 2)
    assert whole < sampled < 3 * whole
