"""Every family, and every task, is exported and answers as Python does. A line adds a new one."""

import pytest

from tests.serving.signature_contract import check_export, tiny
from tfzoo import models
from tfzoo.serving.signatures import OFFERED

CASES = [
    ("gpt", "bytes", "words"),
    ("gpt2_tiny", "byte_pair", "words"),
    ("gpt2_tiny", "byte_pair", "dialogue"),
    ("gpt2_tiny", "byte_pair", "regression"),
    ("gpt3_small", "characters", "words"),
    ("pythia_14m", "byte_pair", "words"),
    ("llama_tiny", "sentence_piece", "words"),
    ("llama_tiny", "sentence_piece", "dialogue"),
    ("llama_tiny", "sentence_piece", "classification"),
    ("bert_tiny", "word_piece", "words"),
    ("bert_tiny", "word_piece", "classification"),
    ("bert_tiny", "word_piece", "token_classification"),
    ("bert_tiny", "word_piece", "sentence_embedding"),
    ("distilbert_base_cased", "word_piece", "regression"),
    ("roberta_base", "byte_pair", "words"),
    ("roberta_base", "byte_pair", "token_classification"),
    ("albert_base", "sentence_piece", "words"),
    ("albert_base", "sentence_piece", "classification"),
    ("transformer_tiny", "byte_pair", "words"),
    ("t5_tiny", "sentence_piece", "words"),
]


# The quick tests export a decoder by the README's commands and an encoder by its recipe.
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_an_export_answers_as_python_does(case, tmp_path):
    check_export(tiny(*case), tmp_path)


def test_every_family_and_every_row_of_what_is_offered_has_a_case():
    families = {models.registry.PRESETS[preset][0] for preset, _, _ in CASES}
    assert families == set(models.MODELS)
    kinds = {(tiny_kind(preset), learnt) for preset, _, learnt in CASES}
    assert kinds == set(OFFERED)


def tiny_kind(preset):
    return models.MODELS[models.registry.PRESETS[preset][0]].kind
