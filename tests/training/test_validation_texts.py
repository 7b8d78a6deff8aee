"""Pieces of what a run was validated on, where its tokens are still at hand."""

import shutil

import pytest

from tfzoo import data, tokenizers
from tfzoo.training import TrainConfig, preparation
from tfzoo.training.model_dir import ModelDir


@pytest.mark.parametrize("apart", [False, True], ids=["held out", "files of its own"])
def test_texts_are_of_the_validation_part_and_none_where_that_is_gone(apart, tmp_path):
    for name in ("learnt", "checked"):
        lines = (f"Line {number} is what is {name}.\n" for number in range(200))
        (tmp_path / f"{name}.txt").write_text("".join(lines))
    named = {"text_files": (f"{tmp_path}/learnt.txt",), "data_dir": str(tmp_path / "data")}
    if apart:
        named["validation_files"] = (f"{tmp_path}/checked.txt",)
    config = TrainConfig(model_dir=str(tmp_path / "run"), **named)
    run, tokenizer = ModelDir(config.model_dir), tokenizers.train("bytes", [], 257)
    run.open(config)
    source = data.open_source(text_files=config.text_files)
    held_out = data.open_source(text_files=config.validation_files) if apart else None
    run.fix("text", source.fingerprint, "--text_files")
    run.fix("validation text", held_out and held_out.fingerprint, "--validation_files")
    run.close()
    assert preparation.validation_texts(config, run, tokenizer) == []

    data.build_token_store(
        source, tokenizer, data_dir=config.data_dir, validation_source=held_out, progress=False
    )
    texts = preparation.validation_texts(config, run, tokenizer)
    whole = (tmp_path / ("checked.txt" if apart else "learnt.txt")).read_text()
    assert 1 < len(texts) <= 32 and len(set(texts)) == len(texts)
    assert all(text.decode() in whole and len(text) <= 64 for text in texts)

    shutil.rmtree(config.data_dir)
    assert preparation.validation_texts(config, run, tokenizer) == []
