"""SentencePiece: both faces beside its own library, its files, and what it learns."""

import io
import json
import random
import unicodedata

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from adversarial_text import invalid, strings

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.serving import cpp_loader
from tfzoo.tokenizers import piece_model, wire
from tfzoo.tokenizers.lower_case import in_lower_case
from tfzoo.tokenizers.piece_model import Piece, PieceModel
from tfzoo.tokenizers.sentence_piece import SentencePieceTokenizer

WORDS = "the quick brown fox jumps over the lazy dog while it rains in 1999 and 2000 ".split()
T5 = ("<pad>", "</s>", "<unk>")
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")


def text(count=2000, seed=0):
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def train(documents=None, vocabulary_size=200, algorithm="bpe", **options):
    documents = [text()] if documents is None else documents
    return tokenizers.train(
        "sentence_piece", documents, vocabulary_size, algorithm=algorithm, **options
    )


@pytest.fixture(scope="module")
def tokenizer():
    return train()


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def learnt_from_speeches(request, speeches):
    return train(speeches[::4], 4000, algorithm=request.param)


def by_reference(tokenizer, texts):
    """The ids that the library finds for the file that is saved."""
    reference = sentencepiece.SentencePieceProcessor()
    reference.LoadFromSerializedProto(tokenizer.model)
    return reference.encode(texts)


def assert_faces_agree(tokenizer, texts):
    assert tokenizer.graph().tokenize(texts).to_list() == tokenizer.encode_batch(texts)


def pieces_of(tokenizer):
    return PieceModel.parse(tokenizer.model).pieces


def model_of(*pieces):
    """A unigram model of <unk>, a space and pieces; a str is a normal one."""
    listed = [Piece("<unk>", kind=piece_model.UNKNOWN), Piece("\u2581", -2.0)]
    listed += [piece if isinstance(piece, Piece) else Piece(piece, -1.0) for piece in pieces]
    return PieceModel(pieces=listed, rest=end_of_text(len(listed) - 1)).to_bytes()


def end_of_text(place):
    """The field that tells the place of </s>."""
    return wire.field(2, wire.number_field(42, place))


def control(token):
    return Piece(token, kind=piece_model.CONTROL)


def user_defined(token):
    return Piece(token, kind=piece_model.USER_DEFINED)


# Both faces.


def test_faces_agree_on_unseen_speeches(learnt_from_speeches, speeches):
    texts = speeches[1::4]
    ids = learnt_from_speeches.encode_batch(texts)
    assert sum(map(len, ids)) > 500_000
    assert learnt_from_speeches.graph().tokenize(texts).to_list() == ids
    assert by_reference(learnt_from_speeches, texts) == ids


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "nmt_nfkc_cf", "identity"])
@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [False, True])
def test_faces_agree_whatever_the_options(normalization, algorithm, byte_fallback):
    tokenizer = train(
        strings(2000, seed=3),
        900,
        normalization=normalization,
        algorithm=algorithm,
        byte_fallback=byte_fallback,
    )
    assert_faces_agree(tokenizer, [*strings(4000, seed=4), *invalid(300)])


def test_faces_agree_where_sums_of_scores_are_equal(learnt_from_speeches):
    draw = random.Random(0)
    texts = ["".join(draw.choices("0019.-e ", k=draw.randint(1, 200))) for _ in range(5000)]
    assert_faces_agree(learnt_from_speeches, [*texts, "0" * 100_000])


def test_faces_agree_on_a_published_model(published_model, speeches):
    tokenizer = tokenizers.load(published_model)
    texts = [*speeches[:20], *strings(3000)]
    assert_faces_agree(tokenizer, texts)
    assert tokenizer.encode_batch(texts) == by_reference(tokenizer, texts)


def test_two_models_in_one_graph_are_kept_apart(tokenizer, tmp_path):
    other = train([text(seed=1)[:500]], 160)
    module = tf.Module()
    module.graphs = [tokenizer.graph(), other.graph()]
    tf.saved_model.save(module, str(tmp_path))
    graphs = tf.saved_model.load(str(tmp_path)).graphs
    for graph, made in zip(graphs, (tokenizer, other), strict=True):
        assert graph.tokenize(tf.constant(WORDS)).to_list() == made.encode_batch(WORDS)


def test_the_servers_loader_runs_it(tokenizer, tmp_path):
    class Server(tf.Module):
        def __init__(self):
            super().__init__()
            self.text = tokenizer.graph()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
        def serve(self, texts):
            ids = self.text.tokenize(texts)
            return {
                "ids": ids.values,
                "lengths": ids.row_lengths(),
                "texts": self.text.detokenize(ids),
            }

    server = Server()
    tf.saved_model.save(server, str(tmp_path), signatures={"serve": server.serve})
    texts = [text.encode() for text in strings(200)]
    _, [found] = cpp_loader.call(str(tmp_path), [("serve", {"texts": np.array(texts, object)})])
    rows = tokenizer.encode_batch(texts)
    assert found["ids"].tolist() == [i for row in rows for i in row]
    assert found["lengths"].tolist() == [len(row) for row in rows]
    assert [text.decode() for text in found["texts"]] == tokenizer.decode_batch(rows)


# Ids.


def test_ids_are_laid_out_as_t5s(tokenizer):
    pieces = pieces_of(tokenizer)
    assert tuple(piece.text for piece in pieces[:3]) == T5
    assert tokenizer.special_ids == {"padding": 0, "end_of_text": 1, "unknown": 2}
    size = tokenizer.vocabulary_size
    assert len(pieces) == size - 100
    assert tokenizer.sentinels == list(range(size - 1, size - 101, -1))


@pytest.mark.parametrize("role", ["start", "separator", "mask"])
def test_ids_are_laid_out_as_alberts_for_roles_that_it_has(role):
    tokenizer = train(roles=[role])
    assert tuple(piece.text for piece in pieces_of(tokenizer)[:5]) == ALBERT
    expected = {"padding": 0, "unknown": 1, "start": 2, "separator": 3, "mask": 4}
    assert tokenizer.special_ids == expected | {"end_of_text": 3}
    assert tokenizer.sentinels == []


def test_texts_are_framed_as_t5_and_albert_read_them(tokenizer):
    [[a], [b]] = tokenizer.encode_batch(["fox", "dog"])
    assert tokenizer.join("fox", "dog").token_ids == [a, 1, b, 1]
    albert = train(roles=["mask"])
    [[a], [b]] = albert.encode_batch(["fox", "dog"])
    joined = albert.join("fox", "dog")
    assert (joined.token_ids, joined.segment_ids) == ([2, a, 3, b, 3], [0, 0, 0, 1, 1])


def test_words_start_with_a_space(tokenizer):
    pieces = pieces_of(tokenizer)
    starts = {pieces[i].text for i in np.flatnonzero(tokenizer.word_starts[: len(pieces)])}
    assert {"\u2581fox", *T5} <= starts
    assert all(piece in T5 or piece.startswith("\u2581") for piece in starts)
    assert tokenizer.word_starts[tokenizer.sentinels].all()


# Text.


def test_text_is_normalized_as_said():
    awkward = " \ufb01ne\u3000\u2460 A\u030a\t\n Fox "
    expected = {"nmt_nfkc": "fine 1 \xc5 Fox", "nmt_nfkc_cf": "fine 1 \xe5 fox"}
    expected["identity"] = awkward
    for normalization, text_back in expected.items():
        tokenizer = train(byte_fallback=True, vocabulary_size=450, normalization=normalization)
        assert tokenizer.decode_batch(tokenizer.encode_batch([awkward])) == [text_back]
        assert tokenizer.is_lossless == (normalization == "identity")


def test_unknown_characters_read_as_replacement(tokenizer):
    assert tokenizer.decode_batch(tokenizer.encode_batch(["fox \u4e2d\u6587 dog"])) == [
        "fox \ufffd dog"
    ]


def test_bytes_without_a_character_read_as_replacement():
    tokenizer = train(byte_fallback=True, vocabulary_size=450)
    [row] = tokenizer.encode_batch(["\u4e2d"])
    assert [tokenizer.token_bytes[i] for i in row] == [b" ", b"\xe4", b"\xb8", b"\xad"]
    rows = [row, row[:-1], [*row[:2], *row]]
    expected = ["\u4e2d", "\ufffd", "\ufffd \u4e2d"]
    assert tokenizer.decode_batch(rows) == expected
    found = tokenizer.graph().detokenize(tf.ragged.constant(rows, tf.int32)).numpy()
    assert [text.decode() for text in found] == expected


@pytest.mark.parametrize("kind", ["control", "user_defined"])
def test_special_pieces_of_a_model_never_come_from_text(kind):
    special = ["<pad>", "[CLS]", "[SEP]", "[MASK]", "<extra_id_0>"]
    make = {"control": control, "user_defined": user_defined}[kind]
    letters = sorted(set("".join(special)))
    tokenizer = SentencePieceTokenizer(model_of(*map(make, special), *letters))
    assert tokenizer.sentinels == [6]
    texts = [*special, "a[MASK]b", " ".join(special)]
    ids = {i for row in tokenizer.encode_batch(texts) for i in row}
    assert ids.isdisjoint(range(2, 7))
    assert tokenizer.decode_batch(tokenizer.encode_batch(special)) == special
    assert tokenizer.decode_batch([range(2, 7)]) == [""]
    assert_faces_agree(tokenizer, texts)


def test_words_that_look_special_are_words():
    tokenizer = SentencePieceTokenizer(model_of("[MASK]", "<extra_id_0>", control("</s>")))
    assert tokenizer.encode_batch(["[MASK]<extra_id_0>"]) == [[1, 2, 3]]
    assert tokenizer.special_ids == {"unknown": 0, "end_of_text": 4}
    assert tokenizer.sentinels == []


# Cuts.


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "identity"])
@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_awkward_text_may_be_cut_before_each_space(normalization, algorithm):
    options = {"normalization": normalization, "algorithm": algorithm}
    tokenizer = train(strings(2000, seed=3), 600, byte_fallback=True, **options)
    texts = [text.encode() for text in strings(1500, seed=5)]
    cuts = [(t, n) for t in texts for n, byte in enumerate(t) if byte == 32 and n > 3]
    assert len(cuts) > 500 and all(tokenizer.safe_split(t, n) == n for t, n in cuts)
    left = tokenizer.encode_batch([t[:n] for t, n in cuts])
    right = tokenizer.encode_batch([t[n:] for t, n in cuts])
    whole = tokenizer.encode_batch([t for t, _ in cuts])
    assert [a + b for a, b in zip(left, right, strict=True)] == whole


def test_long_texts_cut_in_pieces_have_the_ids_of_the_whole(learnt_from_speeches, speeches):
    draw = random.Random(0)  # numbers may be cut in many ways that are equally likely
    numbers = ("".join(draw.choices("0019", k=draw.randint(3, 9))) for _ in range(10_000))
    texts = [text.encode() for text in (" ".join(numbers), *speeches[1::32])]
    for text, ids in zip(texts, learnt_from_speeches.encode_batch(texts), strict=True):
        pieces, start = [], 0
        while start < len(text):
            window = text[start : start + 10_008]
            pieces.append(window[: learnt_from_speeches.safe_split(window, 10_000)])
            start += len(pieces[-1])
        assert sum(learnt_from_speeches.encode_batch(pieces), []) == ids


# Files.


def test_a_published_model_gives_its_ids(published_model, tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(published_model.read_bytes())
    for path in (published_model, tmp_path):
        tokenizer = tokenizers.load(path)
        assert tokenizer.special_ids == {"unknown": 0, "start": 1, "end_of_text": 2}
        assert (tokenizer.vocabulary_size, tokenizer.sentinels) == (1000, [])
        expected = [9, 459, 11, 939, 44, 11, 4, 142, 82, 8, 28, 21, 132, 6]
        assert tokenizer.encode_batch(["I saw a girl with a telescope."]) == [expected]
        assert tokenizer.decode_batch([expected]) == ["I saw a girl with a telescope."]


@pytest.mark.parametrize(
    ("config", "num_sentinels"),
    [(None, 100), ("{}", 100), ('{"extra_ids": 0}', 0), ('{"extra_ids": 7}', 7)],
)
def test_a_model_of_t5_has_sentinels_behind_its_pieces(tokenizer, tmp_path, config, num_sentinels):
    (tmp_path / "spiece.model").write_bytes(tokenizer.model)
    if config:
        (tmp_path / "tokenizer_config.json").write_text(config)
    loaded = tokenizers.load(tmp_path)
    last = len(pieces_of(tokenizer)) + num_sentinels - 1
    assert loaded.sentinels == [last - n for n in range(num_sentinels)]
    assert loaded.vocabulary_size == last + 1


def test_the_saved_model_is_the_file_itself(tokenizer, published_model, tmp_path):
    for number, original in enumerate((tokenizer.model, published_model.read_bytes())):
        SentencePieceTokenizer(original).save(tmp_path / str(number))
        assert (tmp_path / str(number) / "spiece.model").read_bytes() == original


@pytest.fixture
def albert(tmp_path):
    """A folder with a model as ALBERT's: learnt from lower case, which it does not make itself."""
    made = train([text(), '"fox" ' * 50], roles=["mask"])
    (tmp_path / "albert").mkdir()
    (tmp_path / "albert" / "spiece.model").write_bytes(made.model)
    return tmp_path / "albert"


def test_a_model_without_capitals_reads_lower_case(albert):
    tokenizer = tokenizers.load(albert)
    texts = ["The QU\u00cfCK ``brown'' \uff26o\u0301x", 'the quick "brown" fox']
    awkward, plain = tokenizer.encode_batch(texts)
    assert awkward == plain
    assert tokenizer.decode_batch([plain]) == [texts[1]]
    assert_faces_agree(tokenizer, [*texts, *strings(2000)])


def test_text_is_made_lower_case_before_the_models_own_rules(albert):
    model = (albert / "spiece.model").read_bytes()
    own = sentencepiece.SentencePieceNormalizer(model_proto=model)
    both = sentencepiece.SentencePieceNormalizer(model_proto=in_lower_case(model))
    korean = ["\ud55c", "\u1112\u1161\u11ab", "\ud558\u11ab", "\u1112\u1161 \u11ab"]
    texts = [text.replace("\0", "") for text in (*korean, *strings(3000))]
    assert [both.normalize(text) for text in texts] == [
        own.normalize(prepared(text)) for text in texts
    ]


def prepared(text):
    """Text as ALBERT's authors prepared it."""
    text = unicodedata.normalize("NFKD", text.replace("``", '"').replace("''", '"'))
    return "".join(c.lower() for c in text if not unicodedata.category(c).startswith("M"))


def test_lower_case_is_saved_and_not_made_twice(albert, tmp_path):
    published = PieceModel.parse((albert / "spiece.model").read_bytes())
    tokenizer = tokenizers.load(albert)
    assert published.charsmap not in tokenizer.model
    for number, made in enumerate([tokenizer, train([text()], roles=["mask"])]):
        made.save(tmp_path / str(number))
        assert tokenizers.load(tmp_path / str(number)).fingerprint == made.fingerprint


@pytest.mark.parametrize("lower_case", [False, True])
def test_the_config_decides_over_lower_case(tmp_path, lower_case):
    made = train([text(), "FOX " * 50], 220, roles=["mask"] if lower_case else ())
    made.save(tmp_path / "saved")
    config = {"do_lower_case": lower_case, "extra_ids": 0}
    (tmp_path / "saved" / "tokenizer_config.json").write_text(json.dumps(config))
    fox, capital = tokenizers.load(tmp_path / "saved").encode_batch(["fox", "FOX"])
    assert (fox == capital) == lower_case


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


FAULTS = {
    "is cut off": (lambda f: (f / "spiece.model").write_bytes(b"\n\x0f\n\x05"), "of no use"),
    "is another file": (write("spiece.model", b"IQ== 0\nIg== 1\n"), "model file"),
    "is empty": (write("spiece.model", b""), "model file"),
    "is missing": (lambda f: (f / "spiece.model").unlink(), "one .model file.*none"),
    "has no end": (write("spiece.model", model_of("a")), "</s> or"),
    "sentinels are no number": (write("tokenizer_config.json", b'{"extra_ids": "x"}'), "extra_ids"),
    "accents are kept": (
        write("tokenizer_config.json", b'{"do_lower_case": true, "keep_accents": true}'),
        "keep_accents",
    ),
    "the config is a list": (write("tokenizer_config.json", b"[]"), "object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_folder_is_refused(tokenizer, tmp_path, fault):
    tokenizer.save(tmp_path / "saved")
    spoil, message = FAULTS[fault]
    spoil(tmp_path / "saved")
    with pytest.raises(UsageError, match=message) as error:
        tokenizers.load(tmp_path / "saved")
    assert f"`--tokenizer={tmp_path / 'saved'}`" in str(error.value)


@pytest.mark.parametrize("spoilt", [b"\n\x05abc", b"\n", b"\x80", b"\x0b\x0c", b"\x09\x00"])
def test_what_is_no_message_is_refused(spoilt):
    with pytest.raises(ValueError, match="protocol buffer"):
        list(wire.fields(wire.number_field(7, 1) + spoilt))


def test_messages_are_read_as_written():
    message = wire.field(1, b"\n\x00") + wire.number_field(300, 1 << 40) + wire.field(2, b"")
    found = [(number, value) for number, value, _ in wire.fields(message)]
    assert found == [(1, b"\n\x00"), (300, 1 << 40), (2, b"")]
    assert b"".join(raw for _, _, raw in wire.fields(message)) == message


def test_several_models_in_a_folder_are_refused(tokenizer, tmp_path):
    for name in ("source.model", "target.model"):
        (tmp_path / name).write_bytes(tokenizer.model)
    with pytest.raises(UsageError, match="source.model, target.model"):
        tokenizers.load(tmp_path)
    (tmp_path / "spiece.model").write_bytes(tokenizer.model)
    assert tokenizers.load(tmp_path).fingerprint == tokenizer.fingerprint


def test_a_model_with_spaces_behind_words_is_refused():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 10),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        treat_whitespace_as_suffix=True,
        minloglevel=2,
    )
    with pytest.raises(ValueError, match="space before a word"):
        SentencePieceTokenizer(model.getvalue())


# Training.


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_training_is_deterministic(algorithm):
    documents = strings(1000, seed=6)
    first, second = (train(iter(documents), 500, algorithm=algorithm) for _ in range(2))
    assert first.fingerprint == second.fingerprint


def test_training_reads_once_and_tells_how_far_it_is():
    told = []
    tokenizers.train("sentence_piece", iter(["one two", b"three \xff", "four"]), 120, told.append)
    assert told == [7, 14, 18]


def test_frequent_words_become_pieces(tokenizer):
    pieces = {piece.text for piece in pieces_of(tokenizer)}
    assert {f"\u2581{word}" for word in WORDS} <= pieces


def test_a_vocabulary_too_small_for_the_characters_is_refused():
    with pytest.raises(UsageError, match="--vocabulary_size=110") as error:
        train(vocabulary_size=110)
    least = int(str(error.value).split("at least ")[1].split()[0])
    assert train(vocabulary_size=least).vocabulary_size == least
    with pytest.raises(UsageError, match="--vocabulary_size=1"):
        train(vocabulary_size=1)


@pytest.mark.parametrize("documents", [[], ["", " \n\t "]])
def test_text_without_characters_is_refused(documents):
    with pytest.raises(UsageError, match="no characters"):
        train(documents)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_a_text_too_small_for_the_vocabulary_is_told(algorithm, caplog):
    tokenizer = train(["ab ab"], 5000, algorithm=algorithm)
    assert tokenizer.vocabulary_size < 120
    assert f"{tokenizer.vocabulary_size} pieces" in caplog.text
    assert "--vocabulary_size=5000" in caplog.text


def test_of_long_texts_a_sample_is_learnt_in_bounded_memory(monkeypatch, caplog):
    monkeypatch.setattr("tfzoo.tokenizers.sentence_piece_training._MAX_CHARACTERS", 5000)
    seen = []

    def lines():
        for number in range(3000):
            seen.append(number)
            yield f"{text(10, number)}\n"

    first, second = train(lines()), train(lines())
    assert len(seen) == 6000
    assert first.fingerprint == second.fingerprint
    assert "sample" in caplog.text
    assert f"\u2581{WORDS[0]}" in {piece.text for piece in pieces_of(first)}


@pytest.mark.parametrize("run", ["acgt" * 50_000, "word " * 50_000])
def test_long_lines_are_learnt_whole(run):
    tokenizer = train([run], 200, algorithm="bpe")
    assert max(len(piece.text) for piece in pieces_of(tokenizer)[3:]) >= 5


@pytest.mark.parametrize("reserved", ["\t", " \u2585 "])
def test_lines_with_what_the_trainer_reserves_are_learnt(reserved):
    assert train([text().replace(" ", reserved)]).encode_batch(["fox"]) == (
        train([text()]).encode_batch(["fox"])
    )


@pytest.mark.parametrize(
    ("option", "value"), [("algorithm", "word"), ("normalization", "nfc"), ("roles", ["juggler"])]
)
def test_an_unknown_option_is_refused(option, value):
    with pytest.raises(ValueError, match=f"`{option}` must be"):
        train(**{option: value})


# A peer.


@pytest.mark.slow
def test_hugging_face_reads_what_is_saved(tmp_path, speeches):
    transformers = pytest.importorskip("transformers")
    tokenizer = train(speeches[::4], 4000, algorithm="unigram")
    tokenizer.save(tmp_path / "saved")
    peer = transformers.T5Tokenizer.from_pretrained(str(tmp_path / "saved"))
    assert len(peer) == tokenizer.vocabulary_size
    for number in (0, 1, 99):
        token = f"<extra_id_{number}>"
        assert peer.convert_tokens_to_ids(token) == tokenizer.sentinels[number]
    texts = [speech[:2000] for speech in speeches[1::8]]
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]


@pytest.mark.slow
def test_a_model_of_albert_reads_as_hugging_face_reads_it(tmp_path, speeches):
    transformers = pytest.importorskip("transformers")
    made = train([speech.lower() for speech in speeches[::4]], 4000, "unigram", roles=["mask"])
    (tmp_path / "spiece.model").write_bytes(made.model)
    peer = transformers.AlbertTokenizer.from_pretrained(str(tmp_path))
    tokenizer = tokenizers.load(tmp_path)
    texts = [speech[:2000] for speech in speeches[1::8]]
    texts += ["\xc9lan ``VITAL'' \ufb01ne \u2460 stra\xdfe", "\u0130stanbul \u03a3\u03a3"]
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
    first, second = texts[:2]
    assert tokenizer.join(first, second).token_ids == peer(first, second)["input_ids"]
