"""WordPiece: both faces beside each other, BERT's own vocabulary beside transformers, training."""

import json
import random

import numpy as np
import pytest
import tensorflow as tf
import tokenizers as hf
from adversarial_text import PARTS, invalid, strings

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.serving import cpp_loader
from tfzoo.tokenizers import word_piece_characters as characters
from tfzoo.tokenizers.tokenizer import as_text
from tfzoo.tokenizers.word_piece import SPECIAL_TOKENS, WordPieceTokenizer, normalizer

BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
READINGS = {
    "uncased": {"lowercase": True},
    "cased": {"lowercase": False},
    "cased_without_accents": {"lowercase": False, "strip_accents": True},
    "uncased_with_accents": {"lowercase": True, "strip_accents": False, "split_chinese": False},
}
CONTEXTS = ("a{}b", " {}", "{}\u0301", "{0}{0}\u302e", "a\U0001d16d{}\U0001d165")


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer.train(strings(3000, seed=2), 1000)


@pytest.fixture(params=READINGS, ids=READINGS)
def reading(request):
    return READINGS[request.param]


def made_of(tokens, **options):
    return WordPieceTokenizer([*BERT_SPECIALS, *tokens], **options)


def speller(texts, **reading):
    """A tokenizer that spells the texts letter by letter: no difference hides behind [UNK]."""
    normalized = normalizer(**reading).normalize_str("".join(map(as_text, texts)))
    letters = sorted({character for character in normalized if not character.isspace()})
    return made_of([form + letter for form in ("", "##") for letter in letters], **reading)


def assert_faces_agree(tokenizer, texts, graph=None):
    graph = graph or tokenizer.graph()
    assert graph.tokenize(texts).to_list() == tokenizer.encode_batch(texts)


def assert_faces_spell_alike(texts, reading):
    assert_faces_agree(speller(texts, **reading), texts)


# Words and their letters.


def test_faces_agree_however_text_is_read(reading):
    assert_faces_spell_alike([*strings(3000), *invalid(300)], reading)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_faces_agree_on_tens_of_thousands_of_strings(reading, seed):
    assert_faces_spell_alike(strings(20_000, seed=seed + 10), reading)
    assert_faces_spell_alike(noise(20_000, seed), reading)
    assert_faces_spell_alike(marked(20_000, seed), reading)


def test_faces_agree_on_marks_in_any_order(reading):
    assert_faces_spell_alike(marked(2000, seed=0), reading)


def test_faces_agree_at_the_ends_of_every_range_of_characters(reading):
    tables = [characters.classes(True), characters.ranks()]
    ends = {
        place + step for t in tables for place in characters.starts_of_runs(t) for step in (-1, 0)
    }
    which, _, _ = characters.replacements(True, True)
    ends |= set(random.Random(0).sample(list(characters.starts_of_runs(which)), 1000))
    assert_faces_spell_alike(in_contexts(ends - {-1}), reading)


@pytest.mark.slow
def test_faces_agree_on_every_code_point(reading):
    for start in range(0, 0x110000, 0x10000):
        assert_faces_spell_alike(in_contexts(range(start, start + 0x10000)), reading)


def test_rows_do_not_see_each_other():
    ends = ["a", "a ", "!", "中", "\U0001d16d", "e\u0301", "\x00", ""]
    starts = ["b", " b", "!", "中", "\U0001d165", "\u0301", "\x00b", ""]
    assert_faces_spell_alike([row for end in ends for start in starts for row in (end, start)], {})


def noise(count, seed):
    """Random code points, half of them from the blocks of real scripts."""
    draw = random.Random(seed)
    ranges = [(0, 0x300), (0, 0xD800), (0xE000, 0x110000), (0x10000, 0x20000)]
    return [
        "".join(chr(draw.randrange(*draw.choice(ranges))) for _ in range(draw.randint(1, 20)))
        for _ in range(count)
    ]


def marked(count, seed):
    """Strings of marks that the canonical order moves, of some that it does not, and of letters."""
    draw = random.Random(seed)
    stay = [chr(code) for code in np.flatnonzero(characters.ranks())]
    accents = [chr(code) for code in range(0x300, 0x370)]
    others = list("aÉ中 .\x00\u0e31\u034f\u0cbf\u0cc0\u200d") + ["\U0001d15f", "\U0001d1bd"]
    parts = [*stay, *accents, *others * 8]
    return ["".join(draw.choices(parts, k=draw.randint(1, 12))) for _ in range(count)]


def in_contexts(codes):
    known = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    return [context.format(character) for character in known for context in CONTEXTS]


def test_marks_that_stay_are_put_in_order_but_not_over_a_starter():
    tail, stem = "\U0001d16d", "\U0001d165"  # musical signs of the classes 226 and 216
    tokenizer = made_of(["a", f"##{tail}", f"##{stem}"])
    texts = {
        f"a{tail}{stem}": [5, 7, 6],
        f"a{tail}\u0301{stem}": [5, 7, 6],  # an accent goes, and is no obstacle
        f"a{tail}\u034f{stem}": [5, 6, 7],  # this one goes too, and is
        f"a{tail}\x00{stem}": [5, 7, 6],
    }
    assert tokenizer.encode_batch(texts) == list(texts.values())
    assert_faces_agree(tokenizer, list(texts))


def test_words_and_accents_and_capitals():
    text = "Ça VA? ΣΊΣΥΦΟΣ İstanbul 中文 don't e\u0301\x00te\u0301"
    uncased = "ca va ? σισυφοσ istanbul 中 文 don ' t ete".split()
    cased = "Ça VA ? ΣΊΣΥΦΟΣ İstanbul 中 文 don ' t e\u0301te\u0301".split()
    for lowercase, words in ((True, uncased), (False, cased)):
        tokenizer = made_of(dict.fromkeys(words), lowercase=lowercase)
        [ids] = tokenizer.encode_batch([text])
        assert [tokenizer.tokens[i] for i in ids] == words


def test_words_of_more_than_a_hundred_letters_are_unknown():
    lengths = (99, 100, 101, 102, 400)
    letters = ("x", "é", "\U00010428", "x\u0301", "İ", "한", "\x00x", "中", "\u0301")
    texts = [letter * n for letter in letters for n in lengths] + ["x" * 101 + ".x"]
    tokenizer = made_of([*"x.한中", "##x", "##한", "##i", "i", "\U00010428", "##\U00010428"])
    ids = tokenizer.encode_batch(texts)
    assert ids[1] == [5] + [9] * 99 and ids[2] == [1] and ids[-1] == [1, 6, 5]
    assert_faces_agree(tokenizer, texts)


@pytest.mark.parametrize("seed", range(4))
def test_faces_agree_on_vocabularies_that_no_training_would_find(seed):
    draw = random.Random(seed)
    pieces = {"".join(draw.choices("abc#", k=draw.randint(1, 5))) for _ in range(40)}
    pieces |= {f"##{piece}" for piece in draw.sample(sorted(pieces), 20)} | {"##", "a b", " "}
    texts = ["".join(draw.choices("abc# ", k=draw.randint(1, 20))) for _ in range(500)]
    assert_faces_agree(made_of(sorted(pieces)), texts)


def test_special_tokens_that_look_like_words_are_no_words():
    names = {"padding": "pad", "unknown": "unk", "start": "cls", "separator": "sep", "mask": "mask"}
    special = names | {"end_of_text": "sep"}
    tokens = [*names.values(), *"padunkcls", *(f"##{c}" for c in "padunkcls")]
    tokenizer = WordPieceTokenizer(list(dict.fromkeys(tokens)), special=special)
    [pad, mask] = tokenizer.encode_batch(["pad", "mask"])
    assert [tokenizer.tokens[i] for i in pad] == ["p", "##a", "##d"] and mask == [1]
    assert_faces_agree(tokenizer, [*names.values(), "cls sep unk", "paddle"])


# Back to text.


def test_decoding_is_hugging_faces(tokenizer):
    draw = random.Random(0)
    kept = [n for n in range(tokenizer.vocabulary_size) if n >= len(BERT_SPECIALS)]
    rows = [draw.choices(kept, k=draw.randint(0, 12)) for _ in range(1000)]
    decoder = hf.decoders.WordPiece()
    expected = [decoder.decode([tokenizer.tokens[i] for i in row]) for row in rows]
    assert tokenizer.decode_batch(rows) == expected
    assert tokenizer.decode_batch([[2, *row[:3], 4, 1, *row[3:], 3, 0] for row in rows]) == expected


def test_decoding_sets_marks_of_sentences_beside_their_words():
    tokenizer = made_of("some words , they are ! ? . ( ) ##s ##.".split())
    ids = tokenizer.encode_batch(["Some words, they are (words)! Wordss unknown?"])
    assert tokenizer.decode_batch(ids) == ["some words, they are ( words )! wordss?"]


# The files.


def test_a_vocabulary_alone_is_enough(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "saved")
    for name in ("tfzoo_tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "saved" / name).unlink()
    assert tokenizers.load(tmp_path / "saved").fingerprint == tokenizer.fingerprint


def test_capitals_in_the_vocabulary_mean_that_case_counts(tmp_path):
    for word, lowercase in (("word", True), ("Word", False), ("[unusedA]", True)):
        write(tmp_path / word, [*BERT_SPECIALS, word])
        assert tokenizers.load(tmp_path / word).lowercase == lowercase


@pytest.mark.parametrize("reading", READINGS)
def test_a_configuration_says_how_text_is_read(tmp_path, reading):
    options = {"strip_accents": None, "split_chinese": True} | READINGS[reading]
    names = {"lowercase": "do_lower_case", "split_chinese": "tokenize_chinese_chars"}
    config = {names.get(name, name): value for name, value in options.items()}
    write(tmp_path / "bert", [*BERT_SPECIALS, "a"], config)
    loaded = tokenizers.load(tmp_path / "bert")
    assert {name: getattr(loaded, name) for name in options} == options
    loaded.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text()).items() >= (
        config.items()
    )


def test_what_is_read_otherwise_has_another_fingerprint():
    found = {made_of(["a"], **reading).fingerprint for reading in READINGS.values()}
    assert len(found | {made_of(["b"]).fingerprint}) == 5


def test_carriage_returns_change_nothing(tokenizer, tmp_path):
    write(tmp_path / "bert", [token + "\r" for token in tokenizer.tokens])
    assert tokenizers.load(tmp_path / "bert").tokens == tokenizer.tokens


@pytest.mark.parametrize(
    ("tokens", "config", "fault"),
    [
        ([*BERT_SPECIALS[:4], "a"], None, r"without the special token \[MASK\]"),
        ([*BERT_SPECIALS, "a", "", "b"], None, "line 7 is empty"),
        ([*BERT_SPECIALS, "a", "b", "a"], None, "'a' comes twice"),
        ([*BERT_SPECIALS, "a\x00b"], None, "line 6 holds a NUL"),
        ([*BERT_SPECIALS, "a"], [], "not an object"),
        ([*BERT_SPECIALS, "a"], {"do_lower_case": "yes"}, "not true or false"),
    ],
)
def test_a_broken_folder_is_refused(tmp_path, tokens, config, fault):
    write(tmp_path / "bert", tokens, config)
    with pytest.raises(UsageError, match=f"--tokenizer=.*{fault}"):
        tokenizers.load(tmp_path / "bert")


def write(folder, tokens, config=None):
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), newline="")
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


# Roles.


def test_roles_are_berts(tokenizer):
    assert tokenizer.tokens[:5] == BERT_SPECIALS
    ids = {"padding": 0, "unknown": 1, "start": 2, "separator": 3, "mask": 4, "end_of_text": 3}
    assert tokenizer.special_ids == ids
    assert SPECIAL_TOKENS.keys() == ids.keys()


def test_pairs_are_berts():
    tokenizer = made_of(["a", "b", "##b"])
    joined = tokenizer.join("a", "a bb")
    assert joined.token_ids == [2, 5, 3, 5, 6, 7, 3]
    assert joined.segment_ids == [0, 0, 0, 1, 1, 1, 1]


def test_words_begin_without_hash_signs():
    assert made_of(["a", "##a", "#"]).word_starts.tolist() == [True] * 6 + [False, True]


# Long texts.


def test_long_texts_are_cut_where_no_word_is(tokenizer, monkeypatch):
    texts = ["".join(random.Random(n).choices(PARTS, k=300)) for n in range(200)]
    whole = tokenizer.encode_batch(texts)
    monkeypatch.setattr("tfzoo.tokenizers.pieces.LONGEST", 8)
    assert tokenizer.encode_batch(texts) == whole


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r"])
def test_safe_split_is_before_white_space(tokenizer, space):
    text = f"ab{space}cd ".encode()
    assert [tokenizer.safe_split(text, near) for near in (4, 5)] == [2, 5]


@pytest.mark.parametrize("control", ["\x0b", "\x0c", "\x1c", "\x85", "\u200b"])
def test_safe_split_is_not_where_a_character_will_go(tokenizer, control):
    text = f"a {'b' * 20}{control}{'c' * 20}".encode()
    assert tokenizer.safe_split(text, 30) == 1


# In a SavedModel.


def test_it_works_in_the_loader_of_servers(tokenizer, tmp_path):
    module = tf.Module()
    module.text = tokenizer.graph()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "texts")])
    def serve(texts):
        ids = module.text.tokenize(texts)
        return {"ids": ids.to_tensor(-1), "texts": module.text.detokenize(ids)}

    tf.saved_model.save(module, str(tmp_path), signatures={"serve": serve})
    texts = strings(200)
    given = np.array([text.encode() for text in texts], object)
    _, [answer] = cpp_loader.call(tmp_path, [("serve", {"texts": given})])
    ids = [[i for i in row if i >= 0] for row in answer["ids"].tolist()]
    assert ids == tokenizer.encode_batch(texts)
    assert [text.decode() for text in answer["texts"]] == tokenizer.decode_batch(ids)


# BERT's own vocabulary.


@pytest.mark.slow
def test_berts_vocabulary_gives_berts_ids(bert_folder, speeches):
    transformers = pytest.importorskip("transformers")
    peer = transformers.BertTokenizerFast(vocab=str(bert_folder / "vocab.txt"), do_lower_case=True)
    tokenizer = tokenizers.load(bert_folder)
    assert tokenizer.vocabulary_size == 30522 and tokenizer.lowercase
    ids = tokenizer.encode_batch(speeches)
    assert sum(map(len, ids)) > 2_000_000
    assert ids == peer(speeches, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode_batch(ids[:20]) == peer.batch_decode(ids[:20])
    first, second = ([speech[:900] for speech in half] for half in (speeches[::2], speeches[1::2]))
    encoded = peer(first[:100], second[:100])
    joined = [tokenizer.join(*pair) for pair in zip(first[:100], second[:100], strict=True)]
    assert [row.token_ids for row in joined] == encoded["input_ids"]
    assert [row.segment_ids for row in joined] == encoded["token_type_ids"]


@pytest.mark.slow
def test_berts_vocabulary_is_exact_in_the_graph(bert_folder, speeches):
    tokenizer = tokenizers.load(bert_folder)
    graph = tokenizer.graph()
    assert_faces_agree(tokenizer, [*strings(20_000, seed=3), *noise(20_000, 3)], graph)
    for speech, row in zip(speeches, tokenizer.encode_batch(speeches), strict=True):
        assert graph.tokenize([speech])[0].numpy().tolist() == row
