"""The tokenizer of a preset of keras-hub comes along, and gives the ids that it gives there."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.pretrained.keras_hub_presets import FAMILIES, NUMBERS, ROWS, TEXTS, byte_pairs, tokenizer
from tfzoo.errors import UsageError
from tfzoo.pretrained.keras_hub_tokenizers import tokenizer_of

PAIRED = ("Bert", "DistilBert", "Roberta", "Albert")
ROLES = {
    "end_token_id": "end_of_text",
    "start_token_id": "start",
    "pad_token_id": "padding",
    "mask_token_id": "mask",
}


@pytest.fixture
def hub():
    return pytest.importorskip("keras_hub")


def fault(what, remedy):
    return UsageError(f"It {what}. {remedy}.")


def both(hub, family, **options):
    """Ours, and keras-hub's that it is made of."""
    theirs = tokenizer(hub, family, **options)
    return tokenizer_of(theirs, ROWS, fault), theirs


def ids_of(theirs, texts):
    return [list(map(int, theirs(text))) for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_ids_of_texts_are_those_of_keras_hub(hub, family):
    ours, theirs = both(hub, family)
    assert ours.encode_batch(TEXTS) == ids_of(theirs, TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_have_the_same_ids(hub, family):
    ours, theirs = both(hub, family)
    for attribute, role in ROLES.items():
        named = getattr(theirs, attribute.removesuffix("_id"), None)
        if named is not None and (family, role) != ("T5", "start"):  # There it is the end's.
            assert ours.special_ids[role] == getattr(theirs, attribute)


@pytest.mark.slow
@pytest.mark.parametrize("family", PAIRED)
def test_a_pair_is_framed_as_in_keras_hub(hub, family):
    ours, theirs = both(hub, family)
    make = getattr(hub.models, f"{family}TextClassifierPreprocessor")
    framed = make(theirs, sequence_length=80)(([TEXTS[0]], [TEXTS[1]]))
    joined = ours.join(TEXTS[0], TEXTS[1])
    for name, ids in (("token_ids", joined.token_ids), ("segment_ids", joined.segment_ids)):
        if name in framed:
            assert np.asarray(framed[name])[np.asarray(framed["padding_mask"])].tolist() == ids


@pytest.mark.slow
@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in (*PAIRED, "T5")])
def test_a_prompt_begins_as_in_keras_hub(hub, family):
    ours, theirs = both(hub, family)
    make = getattr(hub.models, f"{family}CausalLMPreprocessor")
    given = make(theirs).generate_preprocess(TEXTS[0], sequence_length=80)
    expected = np.asarray(given["token_ids"])[np.asarray(given["padding_mask"])].tolist()
    [ids] = ours.encode_batch([TEXTS[0]])
    assert [*ours.opening, *ids] == expected


@pytest.mark.slow
def test_numbers_of_gpt2_are_cut_as_in_tf_data(hub):
    """Outside of it, keras-hub joins bytes over the borders of words."""
    ours, theirs = both(hub, "GPT2")
    rows = tf.data.Dataset.from_tensor_slices(NUMBERS).map(theirs)
    assert ours.encode_batch(NUMBERS) == [row.numpy().tolist() for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "joined"), [("GPT2", True), ("Roberta", True), ("Llama3", False), ("Qwen", False)]
)
def test_a_number_is_cut_as_the_published_model_cuts_it(hub, family, joined):
    """GPT-2's words are whole numbers with their space; Llama 3's three digits, Qwen's one."""
    ours, _ = both(hub, family)
    ids = {i for row in ours.encode_batch(NUMBERS) for i in row}
    assert joined == any(re.search(rb" \d", ours.token_bytes[i]) for i in ids)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"lowercase": True}, {"lowercase": True, "strip_accents": True}]
)
def test_words_are_cased_and_accented_as_in_keras_hub(hub, options):
    ours, theirs = both(hub, "Bert", **options)
    texts = ["A FOX, the Café's", "naive, Angstrom, cafe"]
    assert ours.encode_batch(texts) == ids_of(theirs, texts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("Bert", {"split": False}, "split=False"),
        ("Bert", {"special_tokens_in_strings": True}, "special_tokens_in_strings=True"),
        ("DistilBert", {"suffix_indicator": "@@"}, "suffix_indicator='@@'"),
        ("Llama", {"add_bos": True}, "add_bos=True"),
        ("T5", {"add_eos": True}, "add_eos=True"),
    ],
)
def test_what_would_be_encoded_otherwise_is_refused(hub, family, options, message):
    with pytest.raises(
        UsageError, match=f"{family}Tokenizer that is not known here: it has {message}"
    ):
        both(hub, family, **options)


@pytest.mark.slow
def test_tekken_cuts_by_its_own_pattern(hub):
    vocabulary, merges = byte_pairs()
    theirs = hub.tokenizers.MistralTekkenTokenizer(vocabulary, merges, split_pattern=r"\w|\W+")
    assert tokenizer_of(theirs, ROWS, fault).encode_batch(TEXTS) == ids_of(theirs, TEXTS)
