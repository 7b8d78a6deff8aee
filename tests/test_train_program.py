"""`python -m tfzoo.train`: a start that is refused changes nothing, and what it advises works."""

import itertools
import json
import os
import random

import pytest

from tfzoo import evaluate, export, generate, tokenizers, train
from tfzoo.pretrained import write_tokenizer

TINY = (
    "--preset=gpt2_tiny",
    "--model_overrides=num_layers=1,hidden_dim=16,num_heads=2",
    "--global_batch_size=2",
    "--warmup_steps=0",
    "--tokenizer=bytes",
    "--jit=false",
    "--export_dir=",
)
T5 = ("--task=text_to_text", "--preset=t5_tiny", "--tokenizer=sentence_piece", "--export_dir=")
T5 += ("--model_overrides=num_layers=1,hidden_dim=16,num_heads=2,head_dim=8", "--warmup_steps=0")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a program there: a function of its flags, to its exit code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    folders = ("--model_dir=run", "--data_dir=data", "--sequence_length=16")

    def start(*flags, first=(*TINY, "--text_files=text.txt", "--train_steps=3")):
        return train.main([*first, *folders, *flags])

    return start


@pytest.mark.slow
def test_what_an_error_before_the_first_step_advises_works_in_the_same_folder(start, capsys):
    assert start("--sequence_length=5000") == 2
    assert "smaller --sequence_length" in capsys.readouterr().err
    assert os.listdir("run") == []
    assert start() == 0


@pytest.mark.slow
def test_a_tokenizer_of_transformers_trains_and_without_a_graph_is_refused_at_once(start, capsys):
    os.mkdir("published")
    write_tokenizer(tokenizers.train("bytes", [], 257), "published")
    assert start("--tokenizer=published", "--export_dir=out") == 2
    assert "cannot be exported as TensorFlow ops" in capsys.readouterr().err
    assert start("--tokenizer=published") == 0
    assert generate.main(["--model_dir=run", "--prompt=the", "--max_new_tokens=3"]) == 0


@pytest.mark.slow
def test_bad_rows_may_be_skipped_or_mended_in_the_same_folder(start, tmp_path, capsys):
    texts = ("".join(letters) for letters in itertools.product("abcd", repeat=3))
    rows = [json.dumps({"text": text, "label": len(text) / 7}) for text in texts]
    (tmp_path / "rows.jsonl").write_text("\n".join([*rows, '{"text": "no label"}']))
    first = (*TINY, "--task=regression", "--text_files=rows.jsonl", "--train_steps=1")
    assert start(first=first) == 2
    assert "--on_bad_rows=skip" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="1 of 65 rows"):
        assert start("--on_bad_rows=skip", "--model_dir=skipped", first=first) == 0
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    assert start(first=first) == 0
    (tmp_path / "other.jsonl").write_text(f"{rows[0]}\n{{}}\n")
    asked = ["--model_dir=run", "--text_files=other.jsonl"]
    assert evaluate.main(asked) == 2
    assert "--on_bad_rows=skip" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="1 of 2 rows"):
        assert evaluate.main([*asked, "--on_bad_rows=skip"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == 1


@pytest.mark.slow
def test_a_start_with_too_few_steps_leaves_the_flags_of_the_run(start, tmp_path, capsys):
    assert start("--train_steps=4", "--checkpoint_every_steps=2") == 0
    record = json.loads((tmp_path / "run/run.json").read_text())
    del record["finished"]  # As if it was to go on, and had been killed.
    (tmp_path / "run/run.json").write_text(json.dumps(record))
    before = (tmp_path / "run/train.flags").read_text()
    for more in (), ("--dry_run",):
        assert start("--train_steps=3", *more) == 2
        assert "is less than the 4 steps" in capsys.readouterr().err
    assert (tmp_path / "run/train.flags").read_text() == before


@pytest.mark.slow
def test_the_commands_that_come_next_work(start, capsys):
    assert start() == 0
    told = capsys.readouterr().out.splitlines()
    for program in generate, export:
        name = f"python -m {program.__name__} "
        (line,) = (line for line in told if line.strip().startswith(name))
        flags = line.strip().removeprefix(name).replace("'My fellow citizens'", "fox").split()
        assert program.main(flags) == 0
    assert os.listdir("saved_models/run") == ["1"]


@pytest.mark.slow
def test_a_finished_run_needs_its_text_no_more(start, tmp_path, capsys):
    assert start() == 0
    os.remove("text.txt")
    assert start() == 0
    assert "This run is finished" in capsys.readouterr().out


@pytest.mark.slow
def test_flags_that_say_the_same_are_the_same(start):
    assert start("--train_steps=2", "--dataset=") == 0
    reordered = "--model_overrides=num_heads=2,hidden_dim=16,num_layers=1"
    assert start("--train_steps=3", reordered) == 0


def test_text_that_has_changed_is_not_evaluated_as_the_validation_part(start, tmp_path, capsys):
    assert start() == 0
    with open("text.txt", "a") as file:
        file.write("more\n")
    assert evaluate.main(["--model_dir=run"]) == 2
    assert "--text_files: the text changed" in capsys.readouterr().err


@pytest.mark.slow
def test_labels_that_are_said_are_known_to_the_vocabulary(start, tmp_path):
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdef", k=4)) for _ in range(30)]
    rows = [f"{' '.join(draw.choices(words, k=5))}\t{i % 10}" for i in range(200)]
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + "\n".join(rows))
    first = (*T5, "--text_files=rows.tsv", "--train_steps=1", "--vocabulary_size=300")
    assert start("--prefix=Kind:", first=first) == 0
    tokenizer = tokenizers.load("run/tokenizer")
    said = {tuple(tokenizer.encode_batch([str(label)])[0]) for label in range(10)}
    assert len(said) == 10
    assert tokenizer.special("unknown") not in tokenizer.encode_batch(["Kind: 0123456789"])[0]


@pytest.mark.parametrize(
    ("labels", "fault"),
    [(("ann", "Ann"), "'ann' reads as 'Ann' does"), (("ann", "7"), "'7' has an unknown token")],
)
def test_labels_that_cannot_be_told_apart_are_refused(start, tmp_path, labels, fault, capsys):
    words = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ann", "row"])
    (tmp_path / "words").mkdir()
    (tmp_path / "words/vocab.txt").write_text(words)
    rows = [f"row\t{labels[i % 2]}" for i in range(60)]
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + "\n".join(rows))
    assert start("--tokenizer=words", first=(*T5, "--text_files=rows.tsv")) == 2
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize("path", ["text.txt/run", "/proc/no/such"])
def test_a_folder_that_cannot_be_made_is_told(start, path, capsys):
    assert start(f"--model_dir={path}") == 2
    assert f"{path} cannot be made" in capsys.readouterr().err


def test_a_flagfile_that_is_not_utf_8_is_told(start, tmp_path, capsys):
    (tmp_path / "train.flags").write_bytes(b"--seed=1\xff\n")
    assert start("--flagfile=train.flags") == 2
    assert "--flagfile" in capsys.readouterr().err
