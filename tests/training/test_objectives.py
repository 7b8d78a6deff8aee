"""Every kind of objective runs through the program, and keeps the laws of training there."""

import json
import re

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfzoo import evaluate, train, zoo
from tfzoo.training.metrics import read_rows

WORDS = "one two three four five six seven eight nine ten".split()
SMALL = "num_layers=1,num_heads=2,hidden_dim=16,intermediate_dim=32"
CASES = {
    "masked_lm": ("bert_tiny", "word_piece", "text"),
    "bert": ("bert_tiny", "bytes", "text"),
    "span_corruption": ("t5_tiny", "sentence_piece", "text"),
    "translation": ("transformer_tiny", "bytes", "pairs.tsv"),
    "classification": ("bert_tiny", "bytes", "labelled.csv"),
    "regression": ("bert_tiny", "bytes", "scored.csv"),
    "similarity": ("bert_tiny", "bytes", "alike.csv"),
    "token_classification": ("roberta_base", "bytes", "tagged.conll"),
    "dialogue": ("llama_tiny", "bytes", "dialogues.jsonl"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of each kind of data, 60 examples or texts each."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(WORDS, size)) for size in random.integers(2, 9, 60)]
    (folder / "text").mkdir()
    for number, row in enumerate(rows):
        (folder / "text" / f"{number:02}.txt").write_text(f"{row} {row[::-1]}. " * 5)
    write = {
        "pairs.tsv": ["source\ttarget", *(f"{row}\t{row[::-1]}" for row in rows)],
        "labelled.csv": ["text,label", *(f"{row},{'x' if len(row) % 2 else 'y'}" for row in rows)],
        "scored.csv": ["text,label", *(f"{row},{len(row) / 50}" for row in rows)],
        "alike.csv": ["text,text_pair,label", *(f"{row},{row[::-1]},0.5" for row in rows)],
        "tagged.conll": [
            "\n".join(f"{w} {w[0].upper()}" for w in row.split()) + "\n" for row in rows
        ],
        "dialogues.jsonl": [json.dumps({"turns": [row, row[::-1]]}) for row in rows],
    }
    for name, lines in write.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def run(folder, model_dir, task, *more, steps=4):
    preset, tokenizer, data = CASES[task]
    arguments = [
        f"--model_dir={model_dir}",
        f"--task={task}",
        f"--preset={preset}",
        f"--model_overrides={SMALL}",
        f"--tokenizer={tokenizer}",
        "--vocabulary_size=300",
        f"--text_files={folder / data}",
        f"--data_dir={folder / 'stores'}",
        "--sequence_length=48",
        f"--train_steps={steps}",
        "--schedule=constant",
        "--warmup_steps=0",
        "--learning_rate=3e-3",
        "--log_every_steps=1",
        "--validation_fraction=0.3",
        "--export_dir=",
        "--jit=false",
        *(["--text_pair_field=text_pair"] if task == "similarity" else []),
        *more,
    ]
    assert train.main(arguments) == 0
    return [row for row in read_rows(model_dir) if "loss" in row]


@pytest.mark.slow  # That batches are the same from any step on is in each objective's contract.
@pytest.mark.parametrize("task", CASES)
def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(folder, tmp_path, task, capsys):
    whole = run(folder, tmp_path / "whole", task, "--jit=auto")
    run(folder, tmp_path / "parts", task, "--jit=auto", steps=2)
    parts = run(folder, tmp_path / "parts", task, "--jit=auto")
    assert [row["loss"] for row in parts] == [row["loss"] for row in whole]
    assert len({row["loss"] for row in whole}) == 4
    [score] = [row for row in read_rows(tmp_path / "whole") if "validation_loss" in row]
    capsys.readouterr()
    assert evaluate.main([f"--model_dir={tmp_path / 'whole'}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loss"] == pytest.approx(score["validation_loss"], rel=1e-5)
    assert set(score) - {"step", "validation_loss"} < set(found)
    assert ("bleu" in found) == (task == "translation")
    kind = zoo.load(tmp_path / "whole").model.kind
    assert (kind == "decoder") == (task == "dialogue")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "expected"),
    [("translation", True), ("dialogue", True), ("regression", False), ("bert", False)],
)
def test_a_perplexity_is_shown_where_exp_of_the_loss_is_one(
    folder, tmp_path, task, expected, capsys
):
    run(folder, tmp_path / "run", task, steps=1)
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("step 1/1  loss ")
    assert ("perplexity" in last) == expected


@pytest.mark.slow
@pytest.mark.parametrize("task", ["bert", "translation", "classification"])
def test_microbatches_are_the_whole_batch(folder, tmp_path, task):
    whole = run(folder, tmp_path / "whole", task, "--jit=auto")
    parts = run(folder, tmp_path / "parts", task, "--num_microbatches=4")
    for name in ("loss", "gradient_norm"):
        expected = [row[name] for row in whole]
        np.testing.assert_allclose([row[name] for row in parts], expected, rtol=2e-5)


GETTYSBURG = [  # Lincoln, 1863, of which each sentence is a document here.
    "We are met on a great battle-field of that war.",
    "It is altogether fitting and proper that we should do this.",
    "But, in a larger sense, we can not dedicate -- we can not consecrate -- we can not hallow -- "
    "this ground.",
]


@pytest.mark.slow
@pytest.mark.parametrize("masked", [True, False])
def test_of_documents_in_one_row_none_reads_another_if_so_asked(tmp_path, capsys, masked):
    """What is predicted of each is then the same in any order, save of the last one's end."""

    def written(name, texts):
        path = tmp_path / name
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        return f"--text_files={path}"

    arguments = [
        f"--model_dir={tmp_path / 'run'}",
        f"--data_dir={tmp_path / 'data'}",
        written("all.jsonl", GETTYSBURG),
        f"--{'' if masked else 'no'}mask_documents",
        "--preset=gpt2_tiny",
        f"--model_overrides={SMALL}",
        "--tokenizer=bytes",
        "--sequence_length=128",
        "--global_batch_size=2",
        "--train_steps=8",
        "--learning_rate=1e-2",
        "--warmup_steps=0",
        "--jit=false",
        "--validation_fraction=0.2",
        "--export_dir=",
    ]
    assert train.main(arguments) == 0
    losses = []
    for name, order in [("one.jsonl", (0, 1)), ("other.jsonl", (1, 0))]:
        texts = written(name, [GETTYSBURG[i][:40] for i in (*order, 2)])
        capsys.readouterr()
        assert evaluate.main([f"--model_dir={tmp_path / 'run'}", texts]) == 0
        losses.append(json.loads(capsys.readouterr().out)["loss"])
    assert np.isclose(*losses, rtol=1e-6) == masked


@pytest.fixture(scope="module")
def classified(folder):
    """A run that has learnt classes."""
    run(folder, folder / "classified", "classification", steps=1)
    return folder / "classified"


def test_evaluation_takes_files_never_seen(classified, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("text,label\none two,x\nten,y\nnine nine,x\n")
    capsys.readouterr()
    options = [f"--model_dir={classified}", f"--text_files={tmp_path / 'new.csv'}"]
    assert evaluate.main(options) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == 3


def test_tensorboard_shows_which_classes_were_taken_for_which(classified):
    pytest.importorskip("matplotlib")
    assert evaluate.main([f"--model_dir={classified}"]) == 0
    events = EventAccumulator(str(classified / "tensorboard" / "confusion")).Reload()
    [image] = events.Images("confusion")
    assert image.step == 1 and image.encoded_image_string.startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_perplexity_beyond_all_numbers_is_told_too(folder, tmp_path, capsys):
    far = ("--learning_rate=1e3", "--weight_decay=0", "--clip_norm=0")
    run(folder, tmp_path / "run", "span_corruption", *far, steps=2)
    assert "perplexity not finite" in capsys.readouterr().out


@pytest.mark.slow
def test_words_are_learnt_whatever_bytes_they_stood_for(folder, tmp_path, capsys):
    """A tokenizer that does not keep each byte of the text has no bits per byte to tell."""
    arguments = [f"--model_dir={tmp_path / 'run'}", f"--data_dir={tmp_path}", "--train_steps=1"]
    arguments += ["--preset=gpt2_tiny", f"--model_overrides={SMALL}", "--sequence_length=16"]
    arguments += ["--tokenizer=word_piece", "--vocabulary_size=300", "--jit=false", "--export_dir="]
    assert train.main([*arguments, f"--text_files={folder / 'text'}"]) == 0
    told = capsys.readouterr().out
    assert "Validation: perplexity " in told and "bits per byte" not in told


def test_files_with_another_label_are_refused(classified, tmp_path, capfd):
    (tmp_path / "new.csv").write_text("text,label\none two,x\nten,z\n")
    options = [f"--model_dir={classified}", f"--text_files={tmp_path / 'new.csv'}"]
    assert evaluate.main(options) == 2
    assert "new.csv has labels that no training example has: ['z']" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("one,x\ntwo,x\nthree,x\n", "all examples of .*a.csv have the label 'x'"),
        ("", "there are no examples in .*a.csv"),
    ],
    ids=["one label", "none"],
)
def test_one_label_is_nothing_to_learn(tmp_path, rows, message, capfd):
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    arguments = ["--task=classification", "--preset=bert_tiny", "--tokenizer=bytes"]
    arguments += [f"--model_dir={tmp_path / 'run'}", f"--data_dir={tmp_path}"]
    assert train.main([*arguments, f"--text_files={tmp_path / 'a.csv'}"]) == 2
    assert re.search(message, capfd.readouterr().err)


def test_bad_rows_are_named_or_left_out(folder, tmp_path, capfd):
    bad = tmp_path / "bad.csv"
    bad.write_text((folder / "labelled.csv").read_text() + "three\n")
    arguments = ["--task=classification", "--preset=bert_tiny", f"--text_files={bad}"]
    arguments += [f"--model_dir={tmp_path / 'run'}", f"--data_dir={tmp_path}", "--tokenizer=bytes"]
    assert train.main(arguments) == 2
    assert "bad.csv:62" in capfd.readouterr().err
