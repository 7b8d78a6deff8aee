"""What a model reads and says whose tokenizer comes from transformers: openings and chats."""

import itertools
import json

import pytest

from tfzoo import models, tokenizers
from tfzoo.generation import as_sampling, checked_options
from tfzoo.language_model import LanguageModel
from tfzoo.pretrained import write_tokenizer
from tfzoo.tokenizers.specials import ADDED

SAMPLING = {"max_new_tokens": 12, "temperature": 5.0, "top_k": 0, "top_p": 1.0}


def published(folder, roles=(), **config):
    """The bytes as a tokenizer of transformers, with a changed configuration."""
    write_tokenizer(tokenizers.train("bytes", [], 261, roles=roles), folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return tokenizers.load(folder)


def written(trained, rows, **options):
    how = as_sampling(checked_options(options, len(rows)), [True] * len(rows))
    return trained._decoder.generate(rows, how)


@pytest.fixture(scope="module")
def model():
    sizes = {"vocabulary_size": 300, "num_layers": 1, "hidden_dim": 16, "num_heads": 2}
    return models.MODELS["gpt2"].from_preset("gpt2_tiny", max_sequence_length=64, **sizes)


@pytest.mark.slow
def test_a_token_that_opens_texts_stands_before_a_prompt(model, tmp_path):
    tokenizer = published(tmp_path, add_bos_token=True, bos_token="<|endoftext|>")
    assert tokenizer.opening == [256]
    trained = LanguageModel(model, tokenizer)
    rows = written(trained, [[256, 97, 98], [256]], **SAMPLING, seed=3)
    expected = tokenizer.decode_batch(rows)
    assert trained.generate(["ab", ""], **SAMPLING, seed=3) == expected
    assert "".join(trained.stream("ab", **SAMPLING, seed=3)) == expected[0]


def test_rows_behind_the_vocabulary_are_no_text(model, tmp_path):
    trained = LanguageModel(model, published(tmp_path))
    [row] = written(trained, [[97]], **(SAMPLING | {"max_new_tokens": 60}), seed=1)
    assert max(row) > trained.tokenizer.vocabulary_size
    [text] = trained.generate(["a"], **(SAMPLING | {"max_new_tokens": 60}), seed=1)
    assert text == bytes(i for i in row if i < 256).decode("utf-8", "replace")


@pytest.mark.slow
def test_a_reply_ends_at_any_special_token(model, tmp_path):
    template = "{{ messages[0].content }}{{ eos_token }}"
    tokenizer = published(tmp_path, roles=ADDED, chat_template=template)
    trained = LanguageModel(model, tokenizer)
    options = SAMPLING | {"max_new_tokens": 40}
    cut = 0
    for seed in range(12):
        [row] = written(trained, [[*b"hi", tokenizer.end_of_text]], **options, seed=seed)
        said = list(itertools.takewhile(lambda i: not 256 <= i < 260, row))
        cut += said != row
        expected = bytes(i for i in said if i < 256).decode("utf-8", "replace")
        assert "".join(trained.reply(["hi"], **options, seed=seed)) == expected
    assert cut
