"""Similarity is the squared error of the cosine of two texts that are read each by itself."""

import numpy as np
import pytest

from tests.tasks.tiny_stores import byte_tokenizer, example_store
from tfzoo import models
from tfzoo.tasks import TASKS
from tfzoo.zoo import TrainedModel

ROWS = [("fine", "a longer one", 0.5), ("oh", "oh", -1.0), ("well", "no", 0.25)]


def test_the_loss_is_that_of_the_embeddings_cosines(tmp_path):
    tokenizer = byte_tokenizer()
    task = TASKS["similarity"](tokenizer=tokenizer)
    rows = [{"text": a, "text_pair": b, "label": label} for a, b, label in ROWS]
    store = example_store(tmp_path / "examples", task, rows)
    model = models.from_preset(
        "bert_tiny",
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        vocabulary_size=tokenizer.vocabulary_size,
        max_sequence_length=16,
    )
    for name, head in task.heads().items():
        model.add_head(name, head)
    texts, others, labels = zip(*ROWS, strict=True)
    embed = TrainedModel(model, tokenizer).embed
    cosines = (embed(list(texts)) * embed(list(others))).sum(-1)
    batch = task.batch(store, np.arange(len(ROWS)), 16)
    expected = ((cosines - np.array(labels)) ** 2).sum()
    assert float(task.loss(model, batch)) == pytest.approx(expected, rel=1e-4)
