"""SentencePiece: both faces beside its own library, the ids, and the text that they stand for."""

import random

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from adversarial_text import invalid, strings
from sentence_piece_models import (
    WORDS,
    assert_faces_agree,
    control,
    model_of,
    pieces_of,
    plain_text,
    train,
    user_defined,
)

from tfzoo import tokenizers
from tfzoo.serving import cpp_loader
from tfzoo.tokenizers.sentence_piece import SentencePieceTokenizer

T5 = ("<pad>", "</s>", "<unk>")
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")


@pytest.fixture(scope="module")
def tokenizer():
    return train()


@pytest.fixture(scope="module", params=["unigram", pytest.param("bpe", marks=pytest.mark.slow)])
def learnt_from_speeches(request, speeches):
    return train(speeches[::4], 4000, algorithm=request.param)


def by_reference(tokenizer, texts):
    """The ids that the library finds for the file that is saved."""
    reference = sentencepiece.SentencePieceProcessor()
    reference.LoadFromSerializedProto(tokenizer.model)
    return reference.encode(texts)


# Both faces.


@pytest.mark.slow
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
    other = train([plain_text(seed=1)[:500]], 160)
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
