"""Objectives with the tokenizers that they are made for: BERT's and T5's."""

import re

import pytest

from tests.tasks.tiny_stores import token_store
from tfzoo import tokenizers
from tfzoo.tasks import TASKS

TEXT = [
    "thank you for inviting me to your party last week, said the unbelievable painter",
    "the painting was painted by painters who were invited to the party of the week",
]


@pytest.fixture(scope="module")
def word_piece():
    return tokenizers.train("word_piece", TEXT * 3, 90)


@pytest.fixture(scope="module")
def sentence_piece():
    return tokenizers.train("sentence_piece", TEXT * 3, 160)


def rows_of(name, tokenizer, folder, number, **options):
    task = TASKS[name](tokenizer=tokenizer, **options)
    store = token_store(folder / "store", TEXT, tokenizer)
    sizes = {"sequence_length": 32, "global_batch_size": number, "seed": 0}
    return next(iter(task.training_batches(store, **sizes).as_numpy_iterator()))


def test_words_of_pieces_are_masked_whole(word_piece, tmp_path):
    options = {"whole_word_masking": True, "mask_probability": 0.4}
    batch = rows_of("masked_lm", word_piece, tmp_path, 20, **options)
    inner = 0
    for positions, targets, weights in zip(
        batch["positions"], batch["targets"], batch["weights"], strict=True
    ):
        found = dict(zip(positions[weights > 0].tolist(), targets.tolist(), strict=False))
        for place, target in found.items():
            if not word_piece.word_starts[target] and place > 1:
                assert place - 1 in found
                inner += 1
    assert inner > 20


def test_pairs_have_the_segments_of_bert(word_piece, tmp_path):
    batch = rows_of("bert", word_piece, tmp_path, 8)
    start, separator = word_piece.special("start"), word_piece.special("separator")
    for token_ids, segments in zip(batch["token_ids"], batch["segment_ids"], strict=True):
        assert token_ids[0] == start and list(token_ids).count(separator) == 2
        ends = [i for i, token in enumerate(token_ids) if token == separator]
        assert segments[: ends[0] + 1].sum() == 0 and segments[ends[0] + 1 : ends[1] + 1].all()
        assert word_piece.word_starts[token_ids[ends[0] + 1]]


def test_sentinels_are_those_of_t5(sentence_piece, tmp_path):
    batch = rows_of("span_corruption", sentence_piece, tmp_path, 1)
    spelt = {token: f"<{i}>" for i, token in enumerate(sentence_piece.sentinels)}
    spelt[sentence_piece.end_of_text] = "</s>"
    inputs, targets = (
        "".join(spelt.get(i) or sentence_piece.decode_batch([[i]])[0] or "." for i in row)
        for row in (batch["token_ids"][0], batch["targets"][0])
    )
    assert re.findall("<.*?>", inputs) == ["</s>", "<0>", "<1>", "</s>"]  # A text begins there.
    assert re.findall("<.*?>", targets) == ["<0>", "<1>", "</s>"]
    assert batch["decoder_token_ids"][0, 0] == sentence_piece.special("padding")
