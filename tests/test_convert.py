"""`python -m tfzoo.convert`: folders of transformers in and out, whole or not at all."""

import json

import numpy as np
import pytest
import safetensors.numpy

import tfzoo
from tfzoo import convert, models, pretrained, tokenizers
from tfzoo.layers.heads import ClassificationHead

TEXTS = ["a cat sat", "the cat sat on the mat, the cat sat"]
PROMPTS = ["a cat", "the mat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT-2 as transformers saves it."""
    folder = tmp_path_factory.mktemp("theirs")
    tokenizer = tokenizers.train("byte_pair", TEXTS * 9, 270)
    model = models.from_preset(
        "gpt2_tiny",
        vocabulary_size=tokenizer.vocabulary_size + 3,
        hidden_dim=16,
        num_heads=2,
        max_sequence_length=24,
    )
    draws = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(draws.normal(0.0, 0.3, variable.shape).astype(np.float16))
    pretrained.save(folder, model, tokenizer)
    return folder


def run(*arguments):
    return convert.main(list(map(str, arguments)))


@pytest.fixture(scope="module")
def model_dir(folder, tmp_path_factory):
    model_dir = tmp_path_factory.mktemp("runs") / "ours"
    assert run(f"--from={folder}", f"--model_dir={model_dir}") == 0
    return model_dir


@pytest.mark.slow
def test_what_comes_in_writes_as_the_folder_does(folder, model_dir):
    options = {"max_new_tokens": 6, "temperature": 0.0}
    written = tfzoo.load(model_dir).generate(PROMPTS, **options)
    assert written == tfzoo.load(folder).generate(PROMPTS, **options)
    assert any(written)


def test_in_and_out_again_is_the_same(folder, model_dir, tmp_path):
    back = tmp_path / "back"
    assert run(f"--model_dir={model_dir}", f"--to={back}") == 0
    for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt"):
        assert (back / name).read_bytes() == (folder / name).read_bytes()


def test_labels_come_along(tmp_path):
    tokenizer = tokenizers.train("word_piece", TEXTS * 9, 60)
    model = models.from_preset(
        "bert_tiny",
        vocabulary_size=tokenizer.vocabulary_size,
        num_layers=1,
        hidden_dim=16,
        num_heads=2,
        max_sequence_length=24,
    )
    model.add_head("classification", ClassificationHead(3))
    (tmp_path / "bert").mkdir()
    pretrained.save(tmp_path / "bert", model, tokenizer, ["bad", "fair", "good"])
    assert run(f"--from={tmp_path / 'bert'}", f"--model_dir={tmp_path / 'run'}") == 0
    assert run(f"--model_dir={tmp_path / 'run'}", f"--to={tmp_path / 'back'}") == 0
    config = json.loads((tmp_path / "back" / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "fair", "2": "good"}
    found = [tfzoo.load(tmp_path / name).classify(TEXTS) for name in ("bert", "run", "back")]
    assert found[0] == found[1] == found[2]
    assert list(found[0][0]) == ["bad", "fair", "good"]


def test_what_the_checkpoint_has_not_is_told(folder, tmp_path, capsys):
    assert run(f"--from={folder}", f"--model_dir={tmp_path / 'whole'}") == 0
    assert "random" not in capsys.readouterr().out
    tokenizer = tokenizers.train("word_piece", TEXTS * 9, 60)
    sizes = {"vocabulary_size": tokenizer.vocabulary_size, "num_layers": 1, "hidden_dim": 16}
    model = models.from_preset("bert_tiny", num_heads=2, max_sequence_length=24, **sizes)
    (tmp_path / "bert").mkdir()
    pretrained.save(tmp_path / "bert", model, tokenizer)
    config = json.loads((tmp_path / "bert" / "config.json").read_text())
    (tmp_path / "bert" / "config.json").write_text(json.dumps(config | {"architectures": []}))
    weights = tmp_path / "bert" / "model.safetensors"
    arrays = safetensors.numpy.load_file(weights)
    safetensors.numpy.save_file({k: x for k, x in arrays.items() if "cls." not in k}, weights)
    assert run(f"--from={tmp_path / 'bert'}", f"--model_dir={tmp_path / 'run'}") == 0
    assert "with random weights: masked_words." in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [(), ("--from=x",), ("--model_dir=x",), ("--from=x", "--to=y", "--model_dir=z")]
)
def test_flags_that_do_not_go_together(arguments, capsys):
    assert run(*arguments) == 2
    assert "Give --model_dir, and one of --from and --to." in capsys.readouterr().err


def test_a_folder_that_holds_something_is_left_alone(folder, model_dir, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert run(f"--from={folder}", f"--model_dir={tmp_path}") == 2
    assert run(f"--model_dir={model_dir}", f"--to={tmp_path}") == 2
    assert capsys.readouterr().err.count("holds something already") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nothing_is_left_of_a_folder_that_is_damaged(folder, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert run(f"--from={broken}", f"--model_dir={tmp_path / 'run'}") == 2
    assert "cut short or damaged" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]
