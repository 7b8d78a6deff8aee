"""Scores of a text against sums over the model's own logits."""

import math

import numpy as np
import tiny_run


def test_score_is_the_sum_over_every_token_but_the_first(tmp_path):
    trainer = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path, jit="auto"))
    tokens = np.array(trainer.split.validation.tokens, np.int32)
    assert (len(tokens) - 1) % (tiny_run.LENGTH * 4)  # The last batch is not full.
    nats = 0.0
    for first in range(0, len(tokens) - 1, tiny_run.LENGTH):
        window = tokens[first : first + tiny_run.LENGTH + 1]
        logits = np.asarray(trainer.model(window[None, :-1]))[0].astype(np.float64)
        on_target = logits[np.arange(len(window) - 1), window[1:]]
        nats += np.sum(np.log(np.sum(np.exp(logits), -1)) - on_target)

    score = trainer.evaluate()
    assert math.isclose(score.sums["loss"], nats, rel_tol=1e-5)
    assert score.num_targets == len(tokens) - 1
    assert score.sums["num_bytes"] == trainer.split.validation.num_bytes == 700


def test_microbatches_change_no_score(tmp_path):
    whole = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path / "whole")).evaluate()
    parts = tiny_run.tiny_trainer(tiny_run.tiny_config(tmp_path / "parts", num_microbatches=2))
    assert math.isclose(parts.evaluate().loss, whole.loss, rel_tol=1e-6)
