"""From a user's file to batches: sources, stores and objectives fit each other."""

import json

import numpy as np
import pytest

from tests.tasks.tiny_stores import byte_tokenizer
from tfzoo import data
from tfzoo.tasks import TASKS

WORDS = [a + b for a in "bdfgk" for b in ("a", "e", "i", "o", "u", "an", "en", "in")]
LABELLED = [json.dumps({"text": f"so {w}", "label": w[1]}) for w in WORDS]
SCORED = [json.dumps({"text": f"so {w}", "label": len(w) / 7}) for w in WORDS]
FILES = {
    "translation": ("a.tsv", [f"source {w}\ttarget {w}" for w in WORDS]),
    "text_to_text": ("a.jsonl", LABELLED),
    "classification": ("a.jsonl", LABELLED),
    "regression": ("a.jsonl", SCORED),
    "token_classification": ("a.conll", [f"{w} B-PER\nwas O\n" for w in WORDS]),
    "dialogue": ("a.jsonl", [json.dumps({"turns": [f"{w}?", "so", "ah"]}) for w in WORDS]),
}


@pytest.mark.parametrize("name", FILES)
def test_each_example_is_evaluated_once(name, tmp_path):
    file_name, rows = FILES[name]
    path = tmp_path / file_name
    path.write_text("\n".join(rows) + "\n")
    source = data.open_examples(TASKS[name].data_kind, files=[path])
    task = TASKS[name].from_config(None, byte_tokenizer(), source.labels)
    split = data.build_example_store(
        source,
        task.columns(),
        recipe=task.recipe,
        data_dir=str(tmp_path / "data"),
        validation_fraction=0.3,
        progress=False,
    )
    num_rows = 0
    for store in (split.train, split.validation):
        for batch in task.evaluation_batches(store, sequence_length=32, batch_size=3):
            num_rows += np.count_nonzero(np.reshape(batch["weights"], (3, -1)).max(-1))
    assert num_rows == split.train.num_examples + split.validation.num_examples == len(WORDS)
