"""What reads is told what it cannot do."""

import pytest

from tfzoo import models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead, TokenClassificationHead
from tfzoo.reader import TrainedModel

SIZES = {"num_layers": 1, "hidden_dim": 16, "vocabulary_size": 261, "max_sequence_length": 8}


@pytest.fixture(scope="module")
def reader():
    tokenizer = tokenizers.train("bytes", [], 261, roles=("start", "separator", "padding", "mask"))
    return TrainedModel(models.from_preset("bert_tiny", **SIZES), tokenizer)


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("classify", "classification"),
        ("regress", "regression"),
        ("tag", "token_classification"),
    ],
)
def test_a_head_that_is_not_there_is_named(reader, method, head):
    with pytest.raises(UsageError, match=f"`{method}` needs a model with a {head} head"):
        getattr(reader, method)(["the"])


@pytest.mark.parametrize("top_k", [-1, 1.5, None])
def test_how_many_tokens_is_a_number(reader, top_k):
    with pytest.raises(UsageError, match="`top_k` must be an int, 0 or more. Received: top_k="):
        reader.fill_mask(["the"], top_k=top_k)


def test_words_behind_the_context_have_no_tag(reader):
    tokenizer = reader.tokenizer
    model = models.from_preset("bert_tiny", **SIZES)
    model.add_head("token_classification", TokenClassificationHead(2))
    model.add_head("regression", ClassificationHead(1))
    [tagged, nothing] = TrainedModel(model, tokenizer, ["A", "B"]).tag(["ab\u3000c  d e", " "])
    assert [word for word, _, _ in tagged] == ["ab", "c", "d", "e"] and nothing == []
    assert [tag in ("A", "B") for _, tag, _ in tagged] == [True, True, True, False]
    assert tagged[-1] == ("e", "", 0.0)
    assert TrainedModel(model, tokenizer).regress(["a", ""]).shape == (2,)
