"""Every recipe parses, names its cost, and trains at a tiny size."""

import json
from pathlib import Path

import pytest

from tfzoo import flags, models, pretrained, tokenizers, train
from tfzoo.tasks import TASKS
from tfzoo.training import metrics
from tfzoo.training.config import TrainConfig

ROOT = Path(__file__).parents[1]
FLAGFILES = sorted((ROOT / "experiments").rglob("*.flags"))
NAMES = [str(path.relative_to(ROOT)) for path in FLAGFILES]
# What makes any recipe take seconds; its other flags stay as they are.
TINY = [
    "--dataset=",
    "--model_overrides=num_layers=1,num_heads=2,hidden_dim=16",
    "--vocabulary_size=300",
    "--validation_fraction=0.1",
    "--sequence_length=16",
    "--global_batch_size=4",
    "--train_steps=3",
    "--warmup_steps=1",
    "--log_every_steps=1",
]


# A file for each kind of data: its name, and its lines.
WORDS = "the quick brown fox jumps over a lazy dog while seven vixens watch from big hills".split()
TEXTS = [" ".join(WORDS[i % 16 :] + WORDS[: i % 7]) + "." for i in range(60)]
DATA = {
    "text": ("text.jsonl", [json.dumps({"text": " ".join(TEXTS[i:])}) for i in range(20)]),
    "labelled": ("rows.csv", ["text,label", *(f"{x},{len(x) % 2}" for x in TEXTS)]),
    "pairs": ("rows.tsv", ["source\ttarget", *(f"{x}\t{x[::-1]}" for x in TEXTS)]),
    "dialogue": ("turns.jsonl", [json.dumps({"turns": [x, x[::-1]]}) for x in TEXTS]),
}


def write_tiny_bert(folder):
    """A folder as transformers saves it, with a vocabulary of the words above."""
    tokenizer = tokenizers.train("word_piece", TEXTS, 300, roles=("start", "separator", "padding"))
    model = models.from_preset(
        "bert_tiny",
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        vocabulary_size=tokenizer.vocabulary_size,
        max_sequence_length=32,
    )
    folder.mkdir()
    pretrained.save(folder, model, tokenizer)
    return folder


def test_there_is_a_quickstart():
    assert "experiments/quickstart/train.flags" in NAMES


@pytest.mark.parametrize("path", FLAGFILES, ids=NAMES)
def test_recipe_parses(path):
    assert isinstance(flags.read(TrainConfig, path), TrainConfig)


@pytest.mark.parametrize("path", FLAGFILES, ids=NAMES)
def test_recipe_has_a_row_in_the_table(path):
    table = (ROOT / "experiments" / "README.md").read_text()
    assert f"{path.parent.name}/{path.name}" in table


# To export takes longer than to train so little: of the recipes the slow tests export this one,
# and the README's commands export a decoder.
EXPORTED = ("sentiment", "as it is")
# Each has the task and the kind of model of another.
SLOW = {
    *("llama_or_gpt2/gpt2", "llama_or_gpt2/llama", "own_text/train"),
    *("characters/train", "sentiment_as_text/train", "minilm/lora", "minilm/train"),
    # Other tests have their tasks: test_translation_programs, test_chat, test_task_contract.
    *("translation/train", "dialogue/train", "t5_span_corruption/train", "bert_pretraining/train"),
}


def case(path, how):
    is_slow = how == "as it is" or f"{path.parent.name}/{path.stem}" in SLOW
    return pytest.param(path, how, marks=pytest.mark.slow if is_slow else ())


@pytest.mark.parametrize(
    ("path", "how"),
    [case(path, how) for path in FLAGFILES for how in ("not compiled", "as it is")],
    ids=[f"{name}-{how}" for name in NAMES for how in ("not compiled", "as it is")],
)
def test_recipe_trains(path, how, tmp_path):
    task = flags.read(TrainConfig, path).task
    name, lines = DATA[TASKS[task].data_kind]
    text = tmp_path / name
    text.write_text("\n".join(lines) + "\n")
    model_dir = tmp_path / "run"
    here = [f"--text_files={text}", f"--model_dir={model_dir}", f"--data_dir={tmp_path / 'data'}"]
    exports = (path.parent.name, how) == EXPORTED
    here += [f"--export_dir={tmp_path / 'saved_models' if exports else ''}"]
    if flags.read(TrainConfig, path).init_from:
        here += [f"--init_from={write_tiny_bert(tmp_path / 'bert')}", "--model_overrides="]
    here += ["--jit=false"] if how == "not compiled" else []
    assert train.main([f"--flagfile={path}", *TINY, *here]) == 0
    steps = [row["step"] for row in metrics.read_rows(model_dir) if "loss" in row]
    assert steps == [1, 2, 3]
    assert (tmp_path / "saved_models" / "1" / "saved_model.pb").exists() == exports
