"""Each benchmark runs at a tiny size; a peer that fails is named and spoils nothing."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.settings import NANO, TINY, Setting
from benchmarks.turns import Peer, time_in_turn
from tfzoo.data import build_example_store
from tfzoo.tasks import TASKS, scores
from tfzoo.tokenizers import TOKENIZERS
from tfzoo.training import preparation
from tfzoo.training.config import TrainConfig

ROOT = Path(__file__).parents[1]


def quick(question, *flags):
    program = [sys.executable, "-m", f"benchmarks.{question}"]
    command = [*program, "--quick", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_training_step_reports_speed_and_share_of_peak():
    report = quick("training_step", "--peers", "tfzoo", "--precisions", "bfloat16")
    assert re.search(r"\| \*\*tfzoo\*\* \| [\d,]+ \| .* \| \d+% \|", report)
    assert re.search(r"matrix product in the same run: [1-9][\d,]* GFLOP/s", report)


@pytest.mark.slow
def test_decoding_reports_speed_in_both_precisions(tmp_path):
    report = quick("decoding", "--peers", "tfzoo", "--output", str(tmp_path / "decoding.md"))
    assert re.search(r"\| \*\*tfzoo, float32\*\* \| [\d,]+ \|", report)
    assert re.search(r"\| \*\*tfzoo, bfloat16\*\* \| [\d,]+ \|", report)
    assert re.search(r"gave [\d.]+ GB/s in the same run; tfzoo .* at \d+% of that", report)
    assert (tmp_path / "decoding.md").read_text().strip() == report.strip()


@pytest.mark.slow
def test_serving_reports_latencies_and_what_warmup_saves():
    report = quick("serving")
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) ms \| ([\d.]+) ms \| ([\d,]+) \|$", report, re.M)
    assert [int(size) for size, *_ in rows] == [1, 2, 1, 2]
    assert all(0 < float(p50) <= float(p95) for _, p50, p95, _ in rows)
    for title, tokens, rows_of in (("`generate`", 8, rows[:2]), ("`classify`", 16, rows[2:])):
        assert f"### {title}" in report
        for size, p50, _, rate in rows_of:
            expected = 1e3 * int(size) * tokens / float(p50)
            assert float(rate.replace(",", "")) == pytest.approx(expected, rel=0.1)
    first = re.findall(r"([\d.]+) ms without warmup, ([\d.]+) ms behind the \d+ requests", report)
    assert len(first) == 2
    assert all(float(behind) < float(without) for without, behind in first)


@pytest.mark.slow
def test_feeding_reports_speed_and_memory():
    assert re.search(r"\n\| [1-9][\d,]* \| .* \| -?\d+ MB \|\n", quick("feeding"))


@pytest.mark.slow
def test_characters_reports_a_loss_that_training_lowers(tmp_path):
    pytest.importorskip("torch", reason="needs the extra [benchmarks]")
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 60)

    def loss(steps):
        command = [sys.executable, "-m", "benchmarks.characters", f"--train={text}"]
        command += [f"--validation={text}", f"--steps={steps}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["loss"]

    before = loss(0)
    assert abs(before - math.log(29)) < 0.1  # 26 letters, space, full stop, unknown.
    assert loss(40) < before - 0.5


def test_sentiment_counts_words_of_the_rows_that_the_run_has_held_out(tmp_path):
    pytest.importorskip("sklearn", reason="needs the extra [parity]")
    from benchmarks import sentiment

    praise = [f"a fine {noun} number {chr(97 + i)}" for noun in ("film", "tale") for i in range(26)]
    rows = [f"{row},good" for row in praise] + [f"{row} so dull,bad" for row in praise[:40]]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    config = TrainConfig(
        task="classification",
        preset="bert_tiny",
        text_files=(str(tmp_path / "rows.csv"),),
        validation_fraction=0.3,
        data_dir=str(tmp_path),
        model_dir=str(tmp_path / "run"),
        tokenizer="bytes",
    )
    task = TASKS["classification"](tokenizer=TOKENIZERS["bytes"](), labels=("bad", "good"))
    split = build_example_store(
        preparation.open_data(config, files=config.text_files),
        task.columns(),
        recipe=task.recipe,
        data_dir=config.data_dir,
        validation_fraction=config.validation_fraction,
    )
    both = zip(sentiment.rows_of(config), (split.train, split.validation), strict=True)
    for (texts, labels), store in both:
        assert [task.labels.index(label) for label in labels] == store.scalars("label").tolist()
        assert [len(text) for text in texts] == (store.lengths("token_ids") - 1).tolist()
    confusions, classes = sentiment.confusions_of(config)
    assert classes == ["bad", "good"]
    accuracy = {name: scores.accuracy(confusion) for name, confusion in confusions.items()}
    assert scores.matthews(confusions["majority class"]) == 0.0
    assert scores.f1(confusions["majority class"])[0] == 0.0
    assert accuracy["naive Bayes, words"] > accuracy["majority class"]
    assert accuracy["logistic regression, words"] == 1.0


@pytest.mark.slow
def test_a_peer_that_fails_has_no_rate_and_the_others_have_theirs(capfd):
    good = Setting(**TINY, batch_size=1, num_steps=1)
    peers = {
        "broken": ("matrix_product", good.replace(precision="float7")),
        "sound": ("matrix_product", good),
    }
    rates = time_in_turn(peers, num_rounds=2)
    assert rates["broken"] == []
    assert len(rates["sound"]) == 2
    assert "broken: FAILED: TypeError" in capfd.readouterr().err


@pytest.mark.slow
def test_a_peer_that_is_killed_while_it_waits_has_failed():
    """Ten peers hold their models at once: the system may end one of them for want of memory."""
    peer = Peer("killed", "matrix_product", Setting(**TINY, batch_size=1, num_steps=1))
    os.kill(peer.process_id, signal.SIGKILL)
    os.waitid(os.P_PID, peer.process_id, os.WEXITED | os.WNOWAIT)  # Its pipe is broken now.
    for _ in range(2):
        peer.run_block()
    peer.close()
    assert peer.rates == [] and peer.failure == "ended by SIGKILL"


def test_training_flops_by_hand():
    # 6 blocks of 12 * 384^2 weights and a head of 8192 * 384, 6 operations each; then attention.
    setting = Setting(**NANO, sequence_length=256, batch_size=8, num_steps=1)
    assert setting.training_flops == 6 * (10_616_832 + 3_145_728) + 12 * 6 * 384 * 256
