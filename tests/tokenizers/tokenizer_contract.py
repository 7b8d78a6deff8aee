"""The laws of every tokenizer; a new kind calls `check_tokenizer`, or is one of `each_law`."""

import copy
import pickle
import random

import numpy as np
import pytest
import tensorflow as tf
from adversarial_text import invalid, strings

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import joining_graph
from tfzoo.tokenizers.specials import ROLES
from tfzoo.tokenizers.tokenizer import as_text

TEXTS = strings(2000) + ["word " * 20000, "x" * 70000]
INVALID = invalid(500)


def check_tokenizer(tokenizer, folder):
    """Holds a tokenizer to all laws.

    Args:
        tokenizer: `Tokenizer`.
        folder: path of an empty folder to write to.
    """
    for number, law in enumerate(LAWS):
        law(tokenizer, folder / str(number))


def ids_are_in_the_vocabulary(tokenizer, folder):
    assert tokenizer.vocabulary_size == len(tokenizer.token_bytes)
    for row in tokenizer.encode_batch(TEXTS):
        assert all(type(i) is int and 0 <= i < tokenizer.vocabulary_size for i in row)


def token_bytes_are_what_ids_stand_for(tokenizer, folder):
    if not tokenizer.is_lossless:
        return
    for text, row in zip(TEXTS, tokenizer.encode_batch(TEXTS), strict=True):
        joined = b"".join(tokenizer.token_bytes[i] for i in row)
        assert joined == known(tokenizer, text).encode()


def decoding_undoes_encoding(tokenizer, folder):
    if not tokenizer.is_lossless:
        return
    expected = [known(tokenizer, text) for text in TEXTS]
    assert tokenizer.decode_batch(tokenizer.encode_batch(TEXTS)) == expected


def text_never_yields_special_ids(tokenizer, folder):
    special_ids = {i for role, i in tokenizer.special_ids.items() if role != "unknown"}
    special_ids |= set(tokenizer.sentinels)
    assert {tokenizer.token_bytes[i] for i in special_ids} == {b""}
    tokens = [*tokenizer.special_tokens.values(), "<extra_id_0>", "<unk>", "[MASK]"]
    forms = ("{}", "a{}", " {}\n", "{0}{0}", "a {} b", "##{}")
    typed = [*(form.format(token) for token in tokens for form in forms), *TEXTS]
    assert not any(special_ids & set(row) for row in tokenizer.encode_batch(typed))
    assert not special_ids & set(tokenizer.graph().tokenize(typed).flat_values.numpy().tolist())


def special_ids_have_roles(tokenizer, folder):
    assert "end_of_text" in tokenizer.special_ids
    assert set(tokenizer.special_ids) <= set(ROLES)
    assert tokenizer.special_tokens.keys() - {"unknown"} == tokenizer.special_ids.keys() - {
        "unknown"
    }
    assert all(0 <= i < tokenizer.vocabulary_size for i in tokenizer.special_ids.values())
    for role in ROLES:
        if role in tokenizer.special_ids:
            assert tokenizer.special(role) == tokenizer.special_ids[role]
        else:
            with pytest.raises(UsageError, match=f"--tokenizer.*{role}"):
                tokenizer.special(role)


def word_starts_tell_of_every_id(tokenizer, folder):
    assert tokenizer.word_starts.dtype == np.bool_
    assert tokenizer.word_starts.shape == (tokenizer.vocabulary_size,)
    assert tokenizer.word_starts[list(tokenizer.special_ids.values())].all()


def joining_frames_the_ids_and_cuts_them(tokenizer, folder):
    first, second = tokenizer.encode_batch(["some words", "others that are more"])
    special_ids = set(tokenizer.special_ids.values())
    whole = tokenizer.join("some words", "others that are more")
    assert [i for i in whole.token_ids if i not in special_ids] == [
        i for i in first + second if i not in special_ids
    ]
    assert len(whole.segment_ids) == len(whole.token_ids)
    assert tokenizer.join_ids(first, second) == whole
    assert len(tokenizer.join("some words", "others that are more", 9).token_ids) <= 9
    assert len(tokenizer.join("some words", max_length=4).token_ids) <= 4
    is_ended = tokenizer.join("some words").token_ids[-1] == tokenizer.end_of_text
    assert is_ended == bool(tokenizer.layout.after)


def invalid_bytes_become_replacement_characters(tokenizer, folder):
    repaired = [text.decode("utf-8", "replace") for text in INVALID]
    assert tokenizer.encode_batch(INVALID) == tokenizer.encode_batch(repaired)
    surrogates = ["\ud800", "a\udfffb", "\ud83d\ude00"]
    repaired = [
        text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in surrogates
    ]
    assert tokenizer.encode_batch(surrogates) == tokenizer.encode_batch(repaired)


def graph_gives_the_same_ids(tokenizer, folder):
    graph = tokenizer.graph()
    for texts in (TEXTS, INVALID, TEXTS[:1], [""], ["", "", ""], ["", "a", ""]):
        ids = graph.tokenize(texts)
        assert ids.dtype == tf.int32
        assert ids.to_list() == tokenizer.encode_batch(texts)


def nothing_gives_nothing(tokenizer, folder):
    assert tokenizer.encode_batch([]) == tokenizer.decode_batch([]) == []
    graph = tokenizer.graph()
    assert graph.tokenize(tf.constant([], tf.string)).to_list() == []
    assert graph.detokenize(tf.zeros([0, 3], tf.int32)).shape == [0]
    assert graph.detokenize(tf.zeros([2, 0], tf.int32)).numpy().tolist() == [b"", b""]


def graph_joins_alike(tokenizer, folder):
    graph = tokenizer.graph()

    @tf.function
    def join(*texts):
        ids = map(graph.tokenize, texts)
        return joining_graph.join(tokenizer.layout, tokenizer.special_ids, *ids, max_length=13)

    pairs = list(zip(TEXTS[:300], TEXTS[300:600], strict=True))
    expected = [tokenizer.join(*pair, max_length=13) for pair in pairs]
    joined = join(*map(tf.constant, zip(*pairs, strict=True)))
    assert joined.token_ids.to_list() == [row.token_ids for row in expected]
    assert joined.segment_ids.to_list() == [row.segment_ids for row in expected]


def graph_gives_the_same_text(tokenizer, folder):
    draw = random.Random(0)
    every = range(tokenizer.vocabulary_size)
    rows = [draw.choices(every, k=draw.randint(0, 20)) for _ in range(500)]
    rows += [[tokenizer.end_of_text], [], [i for i in every for _ in range(2)]]
    texts = tokenizer.graph().detokenize(tf.ragged.constant(rows, tf.int32))
    assert [text.decode() for text in texts.numpy()] == tokenizer.decode_batch(rows)
    square = [draw.choices(every, k=9) for _ in range(100)]
    texts = tokenizer.graph().detokenize(tf.constant(square, tf.int32))
    assert [text.decode() for text in texts.numpy()] == tokenizer.decode_batch(square)


def graph_works_in_a_saved_model(tokenizer, folder):
    class Server(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tokenizer.graph()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, texts):
            ids = self.tokenizer.tokenize(texts)
            return {
                "ids": ids.values,
                "lengths": ids.row_lengths(),
                "texts": self.tokenizer.detokenize(ids),
            }

    server = Server()
    tf.saved_model.save(server, str(folder), signatures={"serve": server.serve})
    texts = TEXTS[:500]
    served = tf.saved_model.load(str(folder)).signatures["serve"](tf.constant(texts))
    ids = tf.RaggedTensor.from_row_lengths(served["ids"], served["lengths"]).to_list()
    assert ids == tokenizer.encode_batch(texts)
    assert [text.decode() for text in served["texts"].numpy()] == tokenizer.decode_batch(ids)


def saving_keeps_it(tokenizer, folder):
    tokenizer.save(folder)
    again = tokenizers.load(folder)
    assert type(again) is type(tokenizer) and again.kind == tokenizer.kind
    assert again.fingerprint == tokenizer.fingerprint
    assert again.special_ids == tokenizer.special_ids
    assert again.sentinels == tokenizer.sentinels
    assert again.layout == tokenizer.layout
    assert again.token_bytes == tokenizer.token_bytes
    assert again.encode_batch(TEXTS) == tokenizer.encode_batch(TEXTS)


def copies_are_equal(tokenizer, folder):
    for again in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert again.encode_batch(TEXTS[:200]) == tokenizer.encode_batch(TEXTS[:200])
        assert again.fingerprint == tokenizer.fingerprint


def safe_split_changes_no_text(tokenizer, folder):
    for text in [*(text.encode() for text in TEXTS[:500]), *INVALID]:
        for near in range(4, len(text) + 2):
            cut = tokenizer.safe_split(text, near)
            assert 1 <= cut <= near or cut == len(text) == 0
            halves = as_text(text[:cut]) + as_text(text[cut:])
            assert halves == as_text(text)


def safe_split_changes_no_ids(tokenizer, folder):
    text = " some words,  it's\tthe\u3000\u3000end\xa0\xa0of 12 3\n\nworlds\u2003 'll see".encode()
    whole = tokenizer.encode_batch([text])[0]
    nears = range(6, len(text) + 1)  # the first border is before "words"
    cuts = [tokenizer.safe_split(text, near) for near in nears]
    left = tokenizer.encode_batch([text[:cut] for cut in cuts])
    right = tokenizer.encode_batch([text[cut:] for cut in cuts])
    assert [a + b for a, b in zip(left, right, strict=True)] == [whole] * len(cuts)


def known(tokenizer, text: str) -> str:
    """The text as the tokenizer can give it back: U+FFFD where a character has no id of its own.

    SentencePiece writes a space as U+2581, so that one reads as a space.
    """
    if tokenizer.kind == "sentence_piece":
        return text.replace("\u2581", " ")
    characters = getattr(tokenizer, "characters", None)
    if characters is None:
        return text
    characters = set(characters)
    return "".join(c if c in characters else "\ufffd" for c in text)


LAWS = (
    ids_are_in_the_vocabulary,
    token_bytes_are_what_ids_stand_for,
    decoding_undoes_encoding,
    text_never_yields_special_ids,
    special_ids_have_roles,
    word_starts_tell_of_every_id,
    joining_frames_the_ids_and_cuts_them,
    invalid_bytes_become_replacement_characters,
    graph_gives_the_same_ids,
    nothing_gives_nothing,
    graph_joins_alike,
    graph_gives_the_same_text,
    graph_works_in_a_saved_model,
    saving_keeps_it,
    copies_are_equal,
    safe_split_changes_no_text,
    safe_split_changes_no_ids,
)
TAKE_SECONDS = (
    text_never_yields_special_ids,
    graph_joins_alike,
    graph_works_in_a_saved_model,
)


def each_law(names, like_others):
    """A parameter for each (name, law): slow, where seconds would show what other names show."""
    return [
        pytest.param(
            name,
            law,
            id=f"{name}-{law.__name__}",
            marks=pytest.mark.slow if name in like_others and law in TAKE_SECONDS else (),
        )
        for name in names
        for law in LAWS
    ]
