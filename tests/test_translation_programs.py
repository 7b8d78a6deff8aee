"""A run of --task=translation: what it writes, from Python and by the programs, and how good."""

import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tfzoo
from tfzoo import evaluate, flags, generate, train
from tfzoo.errors import UsageError
from tfzoo.evaluation import held_out, score_translations
from tfzoo.generation import Decoder, Writer, as_sampling, checked_options
from tfzoo.tasks import sequences
from tfzoo.training import preparation
from tfzoo.training.config import TrainConfig
from tfzoo.training.model_dir import ModelDir

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
PAIRS = [(" ".join(WORDS[i % 7 : i % 7 + 1 + i // 7]), WORDS[i % 12][::-1]) for i in range(60)]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translation")
    lines = ["source\ttarget", *("\t".join(pair) for pair in PAIRS)]
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    given = {
        "model_dir": folder / "run",
        "text_files": folder / "pairs.tsv",
        "data_dir": folder / "data",
        "export_dir": "",
        "task": "translation",
        "prefix": "de: ",
        "preset": "transformer_tiny",
        "model_overrides": "num_layers=1,num_heads=2,hidden_dim=16,initializer_range=3",
        "tokenizer": "bytes",
        "sequence_length": 24,
        "validation_fraction": 0.3,
        "global_batch_size": 4,
        "train_steps": 1,
        "strategy": "none",
        "jit": "false",
    }
    assert train.main([f"--{name}={value}" for name, value in given.items()]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def trained(model_dir):
    return tfzoo.load(model_dir)


@pytest.fixture(scope="module")
def config(model_dir):
    return flags.read(TrainConfig, model_dir / "train.flags")


@pytest.mark.slow
def test_a_source_is_read_as_in_training(trained, config, model_dir):
    """With its prefix, and cut: the longest has more tokens than the model reads."""
    tokenizer, task, split = preparation.found(config, ModelDir(model_dir), progress=False)
    sources = [pair["source"] for pair in held_out(config)]
    [batch] = task.evaluation_batches(split.validation, sequence_length=24, batch_size=len(sources))
    rows = [ids[mask].tolist() for ids, mask in zip(*map(np.asarray, _read(batch)), strict=True)]
    assert max(map(len, rows)) == 24 < max(map(len, sources))
    how = checked_options({"max_new_tokens": 23, "temperature": 0.0}, len(rows))
    greedy = as_sampling(how, [False] * len(rows))
    ends = sequences.end_id(tokenizer), sequences.start_id(tokenizer)
    order = [rows.index(list(trained.source_ids(source))) for source in sources]
    written = tokenizer.decode_batch(Decoder(Writer(trained.model, *ends)).generate(rows, greedy))
    assert len(set(written)) > 1
    assert trained.generate(sources) == [written[number] for number in order]


def _read(batch):
    return batch["token_ids"], batch["padding_mask"]


@pytest.mark.slow
def test_the_pairs_held_out_are_those_of_the_store(config, model_dir):
    tokenizer, _, split = preparation.found(config, ModelDir(model_dir), progress=False)
    rows = split.validation.rows("target", range(split.validation.num_examples))
    targets = tokenizer.decode_batch([row[:-1].tolist() for row in rows])
    assert [pair["target"] for pair in held_out(config)] == targets


@pytest.mark.slow
@pytest.mark.parametrize("num_beams", [1, 3])
def test_evaluate_scores_what_the_model_writes(trained, config, model_dir, capsys, num_beams):
    assert evaluate.main([f"--model_dir={model_dir}", f"--num_beams={num_beams}"]) == 0
    results = json.loads(capsys.readouterr().out)
    sources, targets = ([pair[role] for pair in held_out(config)] for role in ("source", "target"))
    score = score_translations(trained.generate(sources, num_beams=num_beams), targets)
    assert results["bleu"] == pytest.approx(score.bleu)
    assert results["chrf"] == pytest.approx(score.chrf)
    assert results["copied_source_bleu"] == score_translations(sources, targets).bleu
    assert results["bleu_signature"] == score.bleu_signature
    assert results["sentences"] == len(targets)
    shown = EventAccumulator(str(model_dir / "tensorboard" / "evaluation")).Reload()
    assert shown.Scalars("chrf")[-1].value == pytest.approx(score.chrf, rel=1e-5)
    assert shown.Scalars("chrf")[-1].step == 1


@pytest.mark.slow
def test_generate_prints_a_text_for_each_source(trained, model_dir, capsys):
    prompts = ["--prompt=one two", "--prompt=six"]
    assert generate.main([f"--model_dir={model_dir}", *prompts, "--num_beams=2"]) == 0
    texts = trained.generate(["one two", "six"], num_beams=2)
    assert capsys.readouterr().out == "".join(f"{text}\n" for text in texts)


@pytest.mark.slow
def test_a_stream_is_the_text_in_pieces(trained, model_dir, capsys):
    [text] = trained.generate(["one two"])
    pieces = list(trained.stream("one two"))
    assert "".join(pieces) == text and len(pieces) > 1
    assert generate.main([f"--model_dir={model_dir}", "--prompt=one two"]) == 0
    assert capsys.readouterr().out == f"{text}\n"
    [drawn] = trained.generate(["one two"], temperature=1.5, seed=3, max_new_tokens=9)
    pieces = trained.stream("one two", temperature=1.5, seed=3, max_new_tokens=9)
    assert "".join(pieces) == drawn != text
    with pytest.raises(UsageError, match="`source` must be str. Received: b'one'"):
        trained.stream(b"one")
    with pytest.raises(UsageError, match="Leave `num_beams` at 1"):
        trained.stream("one", num_beams=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "`num_beams` must be from 1 to 64. Received: num_beams=0"),
        ({"length_penalty": float("nan")}, "`length_penalty` must be a number"),
        ({"temperature": -1.0}, "`temperature` must be a number, 0 or more"),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused(trained, options, message):
    with pytest.raises(UsageError, match=message):
        trained.generate(["one"], **options)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("one", "`sources` must be a list of texts. Received one text"),
        ({"one": 1}, "`sources` must be a list of texts. Received: sources={'one': 1}"),
        (["one", 2], r"`sources\[1\]` must be str. Received: 2"),
        ([b"one"], r"`sources\[0\]` must be str. Received: b'one'"),
    ],
    ids=str,
)
def test_what_is_no_text_is_refused(trained, sources, message):
    with pytest.raises(UsageError, match=message):
        trained.generate(sources)


@pytest.mark.slow
def test_the_peer_is_as_large_and_is_scored_on_the_same_pairs(
    trained, config, model_dir, monkeypatch, capsys
):
    pytest.importorskip("torch", reason="needs the extra [benchmarks]")
    pytest.importorskip("transformers", reason="needs the extra [benchmarks]")
    from benchmarks import translation

    given = [f"--model_dir={model_dir}", "--minutes=0.02", "--num_beams=2"]
    monkeypatch.setattr("sys.argv", ["translation", *given])
    translation.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["parameters"] == trained.model.count_params()
    assert result["sentences"] == len(held_out(config))
    assert result["steps"] > 0
    assert {"bleu", "chrf"} == set(result["beams_1"]) == set(result["beams_2"])
