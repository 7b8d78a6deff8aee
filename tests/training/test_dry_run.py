"""The dry run: exact where it can be, honest where it estimates, and it writes nothing."""

import dataclasses
import os

import pytest

from tfzoo import models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig
from tfzoo.training.dry_run import plan
from tfzoo.training.model_dir import ModelDir


@pytest.fixture
def config(tmp_path):
    (tmp_path / "text.txt").write_text("x" * 10_000)
    return TrainConfig(
        model_dir=str(tmp_path / "run"),
        preset="gpt2_tiny",
        text_files=(str(tmp_path / "text.txt"),),
        tokenizer="bytes",
        sequence_length=32,
        train_steps=100,
    )


def test_parameters_are_those_of_the_model(config):
    model = models.from_preset("gpt2_tiny", vocabulary_size=257, max_sequence_length=32)
    assert plan(config).parameters == model.count_params()


def test_bytes_have_the_special_tokens_that_the_model_needs(config):
    task = {"task": "masked_lm", "preset": "bert_tiny"}
    made = tokenizers.train("bytes", (), 0, roles=("padding", "start", "separator", "mask"))
    assert plan(dataclasses.replace(config, **task)).vocabulary_size == made.vocabulary_size == 260


def test_a_large_model_is_counted_without_its_memory():
    config = TrainConfig(preset="gpt2_xl", vocabulary_size=50257, dataset="sotu", model_dir="run")
    assert plan(config).parameters == 1_557_611_200


def test_flops_are_six_a_weight_and_token_and_attention():
    """By hand, one layer: m = 64, f = 256, t = 64, v = 257; 4 m m + 2 m f weights in products."""
    config = TrainConfig(
        model_dir="run",
        dataset="sotu",
        tokenizer="bytes",
        preset="gpt2_tiny",
        model_overrides=("num_layers=1", "hidden_dim=64"),
        sequence_length=64,
        global_batch_size=3,
    )
    products = 4 * 64 * 64 + 2 * 64 * 256 + 64 * 257
    attention = 2 * 64 * 64  # q k and weights v, over all t columns
    by_hand = 6 * (products + attention) * 3 * 64
    assert plan(config).flops_a_step == pytest.approx(by_hand, rel=0.02)  # biases, norms


@pytest.mark.parametrize(
    ("preset", "task", "by_hand"),
    [  # Weights in products of a token, with m = 64, f = 256 and 2 layers; and attentions.
        ("albert_base", "masked_lm", (2 * 128 * 64 + 64**2 + 2 * (4 * 64**2 + 2 * 64 * 256), 2)),
        ("llama_tiny", "causal_lm", (2 * (4 * 64**2 + 3 * 64 * 256) + 64 * 300, 2)),
        ("pythia_70m", "causal_lm", (2 * (4 * 64**2 + 2 * 64 * 256) + 64 * 300, 2)),
        ("transformer_base", "translation", (2 * (12 * 64**2 + 4 * 64 * 256) + 64 * 300, 6)),
    ],
)
def test_flops_of_each_kind_of_model(preset, task, by_hand):
    """ALBERT's block is used twice, and its head has a matrix; a gate and a second stack count."""
    sizes = ("num_layers=2", "num_heads=2", "hidden_dim=64", "intermediate_dim=256")
    config = TrainConfig(
        model_dir="run",
        dataset="sotu",
        task=task,
        preset=preset,
        model_overrides=sizes + (("num_key_value_heads=2",) if preset == "llama_tiny" else ()),
        vocabulary_size=300,
        sequence_length=64,
        global_batch_size=3,
    )
    products, attentions = by_hand
    expected = 6 * (products + attentions * 2 * 64 * 64) * 3 * 64
    assert plan(config).flops_a_step == pytest.approx(expected, rel=0.01)


def test_a_text_of_bytes_is_nearly_counted(config):
    found = plan(config)
    assert found.tokens == pytest.approx(9_000, rel=0.01)
    assert not found.tokens_are_exact
    assert "2.8 epochs" in str(found)  # 100 steps of 8 x 32 tokens


def test_a_run_that_was_begun_has_counted_its_text(config):
    run = ModelDir(config.model_dir)
    run.open(config)
    run.fix("number of training tokens", 12_345, "--text_files")
    found = plan(config)
    assert (found.tokens, found.tokens_are_exact) == (12_345, True)


def test_a_given_tokenizer_has_its_own_vocabulary(config, tmp_path):
    tokenizers.train("characters", ["abc"], 9).save(tmp_path / "tok")
    found = plan(dataclasses.replace(config, tokenizer=str(tmp_path / "tok")))
    assert found.vocabulary_size == 5 and found.vocabulary_is_exact


def test_more_memory_for_more_rows_less_by_microbatches_and_remat(config):
    def memory(**changes):
        return plan(dataclasses.replace(config, **changes)).memory_bytes

    assert memory(global_batch_size=64) > 4 * memory()
    assert memory(global_batch_size=64, num_microbatches=8) < 0.4 * memory(global_batch_size=64)
    assert memory(global_batch_size=64, remat=True) < memory(global_batch_size=64)


def test_it_fetches_and_writes_nothing(config, tmp_path):
    before = sorted(os.listdir(tmp_path))
    text = {"text_files": (), "dataset": "sotu", "data_dir": str(tmp_path / "data")}
    assert plan(dataclasses.replace(config, **text)).tokens > 10**7
    assert sorted(os.listdir(tmp_path)) == before


def test_a_text_that_is_certainly_too_short(config, tmp_path):
    (tmp_path / "text.txt").write_text("x" * 31)
    with pytest.raises(UsageError, match="--sequence_length=32 needs 33 tokens"):
        plan(config)


def test_an_unknown_name_of_tensorflow_datasets(config, tmp_path):
    text = {"text_files": (), "dataset": "tfds:nosuch", "data_dir": str(tmp_path / "data")}
    with pytest.raises(UsageError, match="knows no 'nosuch'"):
        plan(dataclasses.replace(config, **text))


def test_a_dataset_that_is_not_fetched_yet(config, tmp_path):
    text = {"text_files": (), "dataset": "tfds:tiny_shakespeare", "data_dir": str(tmp_path)}
    assert plan(dataclasses.replace(config, **text)).tokens is None
    assert not (tmp_path / "tensorflow_datasets").exists()
