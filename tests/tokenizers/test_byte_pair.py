"""Byte-level BPE beside its reference, Hugging Face's `tokenizers`, and beside GPT-2's own ids."""

import itertools
import random
import re
import unicodedata

import pytest
import tensorflow as tf
import tokenizers as hf
from adversarial_text import PARTS, strings

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import merges as merge_files
from tfzoo.tokenizers.byte_pair import WHITE_SPACE, BytePairTokenizer
from tfzoo.tokenizers.byte_pair_graph import character_classes
from tfzoo.tokenizers.specials import END_OF_TEXT

CONTEXTS = ("a{}b", " {}", "{} ", "1{}2", "'{}", "!{}?", "\n{}\t ", "'s{}'s", "{0}{0}'re")


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer.train(strings(3000, seed=2), 1000)


def reference(folder):
    """Hugging Face's tokenizer over the same two files."""
    model = hf.models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer = hf.Tokenizer(model)
    tokenizer.pre_tokenizer = hf.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def by_reference(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def assert_faces_agree(tokenizer, texts, graph=None):
    graph = graph or tokenizer.graph()
    assert graph.tokenize(texts).to_list() == tokenizer.encode_batch(texts)


# The files.


def test_files_are_read_by_hugging_face(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "saved")
    texts = [*strings(2000), "word " * 20000, "\u3000no " * 20000]
    expected = by_reference(reference(tmp_path / "saved"), texts)
    assert tokenizer.encode_batch(texts) == expected


def test_ids_are_laid_out_as_gpt2s(tokenizer):
    tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.get)
    assert tokens[:256] == sorted(merge_files.BYTE_CHARACTERS)
    assert tokens[256:-1] == ["".join(merge) for merge in tokenizer.merges]
    assert tokens[-1] == "<|endoftext|>"


def test_gpt2s_vocabulary_gives_gpt2s_ids(gpt2_folder):
    tokenizer = tokenizers.load(gpt2_folder)
    assert (tokenizer.vocabulary_size, tokenizer.end_of_text) == (50257, 50256)
    text = "Hello world, it's 2026!  \n\tNaïve café 👍"
    expected = [15496, 995, 11, 340, 338, 1160, 2075, 0, 220, 220, 198, 197, 26705, 38776, 40304]
    assert tokenizer.encode_batch([text]) == [[*expected, 50169, 235]]
    assert tokenizer.encode_batch(["<|endoftext|>"]) == [[27, 91, 437, 1659, 5239, 91, 29]]


def test_gpt2s_vocabulary_is_exact_in_the_graph(gpt2_folder, speeches):
    tokenizer = tokenizers.load(gpt2_folder)
    texts = [*strings(1000), *(speech[:1000] for speech in speeches)]
    assert tokenizer.encode_batch(texts) == by_reference(reference(gpt2_folder), texts)
    assert_faces_agree(tokenizer, texts)


@pytest.mark.slow
def test_gpt2s_vocabulary_is_exact_on_millions_of_tokens(gpt2_folder, speeches):
    tokenizer = tokenizers.load(gpt2_folder)
    ids = tokenizer.encode_batch(speeches)
    assert sum(map(len, ids)) > 2_000_000
    assert ids == by_reference(reference(gpt2_folder), speeches)
    graph = tokenizer.graph()
    for row, speech in zip(ids, speeches, strict=True):
        assert graph.tokenize([speech])[0].numpy().tolist() == row


# Words.


def test_faces_agree_at_the_ends_of_every_range_of_characters(tokenizer):
    starts, _ = character_classes()
    codes = {code + step for code in starts for step in (-1, 0)} - {-1}
    codes |= set(random.Random(0).sample(range(0x110000), 2000))
    assert_faces_agree(tokenizer, in_contexts(codes))


@pytest.mark.slow
def test_faces_agree_on_every_code_point(tokenizer):
    graph = tokenizer.graph()
    for start in range(0, 0x110000, 0x4000):
        assert_faces_agree(tokenizer, in_contexts(range(start, start + 0x4000)), graph)


def in_contexts(codes):
    characters = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    return [context.format(character) for character in characters for context in CONTEXTS]


def test_classes_of_characters_are_unicodes():
    starts, classes = character_classes()
    assert starts == sorted(starts) and starts[0] == 0
    class_of = dict(zip(starts, classes, strict=True))
    categories = {"L": 1, "N": 2}
    old = [code for code in starts if unicodedata.category(chr(code)) != "Cn"]
    wrong = [
        code
        for code in old
        if class_of[code] != (3 if is_space(code) else categories.get(category(code), 0))
    ]
    assert len(old) > 1000 and wrong == []


def category(code):
    return unicodedata.category(chr(code))[0]


def is_space(code):
    return re.match(f"[{WHITE_SPACE}]", chr(code)) is not None


def test_white_space_is_the_fast_faces():
    every = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    keep = hf.pre_tokenizers.Split(hf.Regex(r"\s"), "removed", invert=True)
    assert [piece for piece, _ in keep.pre_tokenize_str(every)] == re.findall(
        f"[{WHITE_SPACE}]", every
    )


@pytest.mark.parametrize("alphabet", ["a' ", "' sdlrevtm", "\t \u3000a", "a1.'s \n"])
def test_faces_agree_on_all_short_strings(tokenizer, alphabet):
    lengths = range(1, 6 if len(alphabet) < 8 else 5)
    texts = ["".join(t) for n in lengths for t in itertools.product(alphabet, repeat=n)]
    assert_faces_agree(tokenizer, texts)


def test_rows_do_not_see_each_other(tokenizer):
    ends, starts = ["a", "a ", "a'", "a'l", "a\t", "1", "!"], ["s", "ll", "l", " b", "1", "'s", "!"]
    rows = [row for pair in itertools.product(ends, starts) for row in (*pair, "")]
    assert_faces_agree(tokenizer, rows)


# Merges.


@pytest.mark.parametrize("seed", range(20))
def test_faces_agree_on_merges_that_no_training_would_find(seed):
    draw = random.Random(seed)
    tokens, merges = list("abc"), []
    while len(merges) < 25:
        merge = (draw.choice(tokens), draw.choice(tokens))
        if merge not in merges and len("".join(merge)) < 9:
            merges.append(merge)
            tokens = [*dict.fromkeys([*tokens, "".join(merge)])]
    draw.shuffle(merges)
    vocabulary = {t: n for n, t in enumerate([*merge_files.BYTE_CHARACTERS, *tokens[3:]])}
    tokenizer = BytePairTokenizer(vocabulary | {END_OF_TEXT: len(vocabulary)}, merges)
    texts = ["".join(draw.choices("abc", k=draw.randint(1, 30))) for _ in range(500)]
    assert_faces_agree(tokenizer, texts)


def test_tokens_that_no_text_yields_are_known_as_such():
    merges = [("b", "c"), ("a", "b"), ("ab", "c"), ("a", "bc")]
    ranks = merge_files.final_ranks(dict.fromkeys(["a", "b", "c", "bc", "ab", "abc", "ca"]), merges)
    assert ranks == {"bc": 0, "ab": 1, "abc": 3}


# Long texts.


def test_long_texts_are_cut_where_no_token_is(tokenizer, monkeypatch):
    texts = ["".join(random.Random(n).choices(PARTS, k=300)) for n in range(200)]
    whole = tokenizer.encode_batch(texts)
    monkeypatch.setattr("tfzoo.tokenizers.pieces.LONGEST", 8)
    assert tokenizer.encode_batch(texts) == whole


@pytest.mark.parametrize("near", [4, 5, 63, 64, 65, 5000, 200_000])
def test_safe_split_finds_the_nearest_border_however_far(tokenizer, near):
    assert tokenizer.safe_split(b"ab c" + b"x" * 300_000, near) == 2


@pytest.mark.parametrize("space", ["\t", "\x85", "\xa0", "\u1680", "\u2009", "\u3000"])
def test_safe_split_knows_every_white_space(tokenizer, space):
    text = f"é{space}{space}z".encode()
    assert {tokenizer.safe_split(text, near) for near in range(4, len(text))} == {2}


@pytest.mark.parametrize("space", [" ", "\x85", "\u3000"])
def test_safe_split_may_cut_right_where_it_was_asked(tokenizer, space):
    assert tokenizer.safe_split(f"a bcd{space}e fg".encode(), 5) == 5


def test_safe_split_without_a_border_tears_no_character(tokenizer):
    assert tokenizer.safe_split("語".encode() * 100, 100) == 99


# Training.


def test_training_is_deterministic():
    first, second = (BytePairTokenizer.train(strings(1000), 700) for _ in range(2))
    assert first.fingerprint == second.fingerprint


def test_training_joins_the_most_frequent_pair_first():
    tokenizer = BytePairTokenizer.train(["xy xy xy zw zw xyzw"] * 3, 259)
    assert tokenizer.merges == [("x", "y"), ("z", "w")]


def test_training_reads_once_and_tells_how_far_it_is():
    documents = ["one two", b"three \xff", "four"]
    told = []
    BytePairTokenizer.train(iter(documents), 257, told.append)
    assert told == [7, 14, 18]


def test_a_vocabulary_too_small_for_bytes_is_refused():
    with pytest.raises(UsageError, match="--vocabulary_size=256") as error:
        tokenizers.train("byte_pair", ["some text"], 256)
    assert "at least 257" in str(error.value)


def test_a_text_too_small_for_the_vocabulary_is_told(caplog):
    tokenizer = tokenizers.train("byte_pair", ["ab ab"], 5000)
    assert tokenizer.vocabulary_size == 258
    assert "258" in caplog.text and "--vocabulary_size=5000" in caplog.text


@pytest.mark.parametrize("run", ["acgt" * 100_000, " " * 400_000])
def test_documents_that_are_one_long_word_are_learnt(run):
    tokenizer = BytePairTokenizer.train([run], 300)
    assert max(map(len, tokenizer.token_bytes)) == 64


def test_text_without_spaces_is_learnt_from_up_to_a_limit(monkeypatch, caplog):
    monkeypatch.setattr("tfzoo.tokenizers.byte_pair._MOST_LONG_RUNS", 2)
    texts = ["a" * 70, "word " + "a" * 64 + "b" * 64 + " end end"]
    vocabulary = BytePairTokenizer.train(texts, 1000).vocabulary
    assert "only a part" in caplog.text
    assert "a" * 64 in vocabulary and "Ġend" in vocabulary
    assert "bb" not in vocabulary


# The graph.


def test_a_plain_module_can_be_saved(tokenizer, tmp_path):
    tf.saved_model.save(tokenizer.graph(), str(tmp_path))
    texts = strings(100)
    loaded = tf.saved_model.load(str(tmp_path))
    assert loaded.tokenize(tf.constant(texts)).to_list() == tokenizer.encode_batch(texts)
