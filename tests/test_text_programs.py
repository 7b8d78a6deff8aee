"""The programs that read a trained model: what they print, and how they refuse."""

import dataclasses
import json
import shutil

import pytest

from tfzoo import data, evaluate, evaluation, export, flags, generate, models, tokenizers, zoo
from tfzoo.training import TrainConfig
from tfzoo.training.checkpoints import Checkpoints

TEXT = "It is the quick brown fox that jumps over the lazy dog. "


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """What a run leaves: flags, tokenizer, model, checkpoint."""
    folder = tmp_path_factory.mktemp("run")
    for number in range(20):
        (folder / f"text_{number}.txt").write_text(TEXT * (number + 1))
    run = folder / "model_dir"
    tokenizer = tokenizers.train("bytes", [], 257)
    tokenizer.save(run / "tokenizer")
    model = models.GPT2.from_preset(
        "gpt2_tiny", vocabulary_size=257, hidden_dim=16, max_sequence_length=32
    )
    models.save_config(model, run / "model.json")
    weights = {f"model/{weight.path}": weight.numpy() for weight in model.weights}
    Checkpoints(run / "checkpoints").save(1, weights, {})
    config = TrainConfig(
        model_dir=str(run), text_files=(f"{folder}/text_*.txt",), data_dir=str(folder / "data")
    )
    flags.write(config, run / "train.flags")
    (run / "run.tsv").write_text("no pair\n")
    return run


@pytest.mark.slow
def test_generate_prints_the_prompt_and_what_follows(model_dir, capsys):
    options = [f"--model_dir={model_dir}", "--max_new_tokens=8", "--temperature=0"]
    assert generate.main([*options, "--prompt=It is, that is"]) == 0
    alone = capsys.readouterr().out
    assert alone.startswith("It is, that is") and len(alone) > len("It is, that is\n")
    assert generate.main([*options, "--prompt=It is, that is", "--prompt=the fox"]) == 0
    both = capsys.readouterr().out
    assert both.startswith(alone) and both[len(alone) :].startswith("the fox")


def said(model_dir, capsys, *more):
    options = [f"--model_dir={model_dir}", "--prompt=It is", "--max_new_tokens=60", "--seed=4"]
    assert generate.main([*options, *more]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_generate_ends_at_the_ids_it_is_given(model_dir, capsys):
    ids = ",".join(str(byte) for byte in range(64, 128))
    text = said(model_dir, capsys, f"--stop_token_ids={ids}", "--max_new_tokens=20", "--min_p=0.1")
    assert not any(64 <= ord(letter) < 128 for letter in text.removeprefix("It is"))


@pytest.mark.slow
def test_generate_takes_every_option_of_decoding(model_dir, capsys):
    slides = ("--overlong=slide", "--min_new_tokens=60")
    free = said(model_dir, capsys, *slides)
    assert len(free) > 40
    assert said(model_dir, capsys, *slides, "--nostream") == free
    letter = next(x for x in free[10:] if x.isascii() and x.isprintable() and x not in "It is")
    stopped = said(model_dir, capsys, *slides, f"--stop_strings={letter}")
    assert stopped == free[: free.index(letter, len("It is"))] + "\n"
    short = "--max_new_tokens=5"
    assert said(model_dir, capsys, "--num_return_sequences=3", short).count("It is") == 3
    two = said(model_dir, capsys, "--num_beams=3", "--num_return_sequences=2", short)
    assert two.count("It is") == 2


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--overlong=refuse", "Prompt 0 needs"),
        ("--overlong=wrap", "--overlong"),
        ("--repetition_penalty=0", "`repetition_penalty`"),
        ("--num_return_sequences=0", "`num_return_sequences`"),
        ("--min_p=2", "`min_p`"),
        ("--stop_token_ids=a", "--stop_token_ids"),
        ("--stop_strings=", "`stop_strings`"),
    ],
)
def test_generate_names_what_makes_no_sense(model_dir, flag, named, capsys):
    options = [f"--model_dir={model_dir}", "--prompt=It is the fox", "--max_new_tokens=60"]
    assert generate.main([*options, flag]) == 2
    assert named in capsys.readouterr().err


def test_evaluate_prints_one_object_for_the_validation_part(model_dir, capsys):
    assert evaluate.main([f"--model_dir={model_dir}"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"loss", "perplexity", "bits_per_byte", "tokens"}
    config = flags.read(TrainConfig, model_dir / "train.flags")
    source = data.open_source(text_files=config.text_files)
    tokenizer = tokenizers.load(model_dir / "tokenizer")
    split = data.build_token_store(source, tokenizer, data_dir=config.data_dir)
    assert result["tokens"] == split.validation.num_tokens - 1


def test_evaluate_takes_text_never_seen(model_dir, tmp_path, capsys):
    (tmp_path / "new.txt").write_text("Something new, é.")
    files = f"--text_files={tmp_path}/new.txt"
    results = []
    for batch_size in (1, 7):
        assert evaluate.main([f"--model_dir={model_dir}", files, f"--batch_size={batch_size}"]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[0]["tokens"] == len("Something new, é.".encode()) + 1
    assert results[0] == pytest.approx(results[1], rel=1e-5)


@pytest.mark.slow
def test_evaluate_with_a_stride_predicts_the_same_tokens(model_dir, capsys):
    results = []
    for stride in ([], ["--stride=32"], ["--stride=5"]):
        assert evaluate.main([f"--model_dir={model_dir}", *stride]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[0] == results[1]
    assert results[2]["tokens"] == results[0]["tokens"] and results[2] != results[0]


def test_evaluate_tells_which_sentences_are_preferred(model_dir, tmp_path, capsys):
    rows = ["more\tless\tgroup", "He led.\tShe led.\tgender", "A fox.\tA dog.\tspecies"]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    assert evaluate.main([f"--model_dir={model_dir}", f"--pairs={tmp_path}/pairs.tsv"]) == 0
    result = json.loads(capsys.readouterr().out)
    model, tokenizer = zoo.load(model_dir).model, zoo.load(model_dir).tokenizer
    pairs = evaluation.read_pairs(str(tmp_path / "pairs.tsv"))
    assert result == evaluation.preferences(pairs, evaluation.score_pairs(model, tokenizer, pairs))
    assert list(result["groups"]) == ["gender", "species"] and result["pairs"] == 2


def test_pairs_need_a_model_of_words(model_dir, tmp_path, capsys):
    (tmp_path / "pairs.tsv").write_text("a\tb")
    run = shutil.copytree(model_dir, tmp_path / "run")
    config = flags.read(TrainConfig, run / "train.flags")
    flags.write(dataclasses.replace(config, task="classification"), run / "train.flags")
    assert evaluate.main([f"--model_dir={run}", f"--pairs={tmp_path}/pairs.tsv"]) == 2
    assert "Received: --task=classification" in capsys.readouterr().err


@pytest.mark.slow
def test_export_writes_the_next_version(model_dir, tmp_path, capsys):
    assert export.main([f"--model_dir={model_dir}", f"--export_dir={tmp_path}/fox"]) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path}/fox/1"
    assert (tmp_path / "fox" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_export_writes_variants_and_tells_what_their_check_found(model_dir, tmp_path, capsys):
    flags = [f"--model_dir={model_dir}", f"--export_dir={tmp_path}/fox", "--variants=int8,float32"]
    assert export.main(flags) == 0
    shown = capsys.readouterr()
    assert shown.out.split() == [f"{tmp_path}/fox/1", f"{tmp_path}/fox_float32/1"]
    assert "perplexity" in shown.err and "Time of `generate`" in shown.err


@pytest.mark.parametrize(
    ("program", "given", "message"),
    [
        (generate, [], "Give --model_dir"),
        (generate, ["--model_dir=nowhere"], "--model_dir=nowhere holds no run"),
        (generate, ["--model_dir={run}", "--prompt=It", "--temperature=-1"], "`temperature`"),
        (generate, ["--model_dir={run}", "--tempeature=1"], "temperature"),
        (evaluate, [], "Give --model_dir"),
        (evaluate, ["--model_dir={run}", "--batch_size=0"], "--batch_size must be at least 1"),
        (evaluate, ["--model_dir={run}", "--text_files=/nowhere/*.txt"], "--text_files"),
        (evaluate, ["--model_dir={run}", "--stride=33"], "--stride must be from 1 to the 32"),
        (evaluate, ["--model_dir={run}", "--stride=0"], "--stride must be from 1"),
        (evaluate, ["--model_dir={run}", "--pairs=/nowhere.tsv"], "--pairs: /nowhere.tsv"),
        (evaluate, ["--model_dir={run}", "--pairs=x.tsv", "--stride=2"], "takes neither"),
        (evaluate, ["--model_dir={run}", "--pairs={run}/run.tsv"], "run.tsv:1 has 1 columns"),
        (export, ["--model_dir={run}"], "--export_dir"),
        (export, ["--model_dir={run}", "--export_dir={run}/model.json"], "cannot be written"),
        (export, ["--model_dir={run}", "--export_dir=x", "--variants=int4"], "--variants must be"),
    ],
)
def test_mistakes_exit_with_2_and_one_message(model_dir, capsys, program, given, message):
    assert program.main([flag.format(run=model_dir) for flag in given]) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("error:") == 1
    assert not shown.out
