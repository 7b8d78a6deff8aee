"""The numbers of a run: whole rows at once, full precision, no step twice after a resumption."""

import json
import math
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.util import tensor_util

from tfzoo.training.metrics import Metrics, read_rows

LOSS = 4.123456789012345


def write_steps(metrics, *steps, scale=1.0):
    for step in steps:
        metrics.write(step, loss=scale / step, learning_rate=0.1)


def events(model_dir):
    """What TensorBoard itself reads."""
    return plugin_event_accumulator.EventAccumulator(str(model_dir / "tensorboard")).Reload()


def scalars(model_dir, tag):
    tensors = events(model_dir).Tensors(tag)
    return [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in tensors]


def scalars_in_scripts(model_dir, tag):
    """What people's own scripts read."""
    reader = event_accumulator.EventAccumulator(str(model_dir / "tensorboard")).Reload()
    return [(e.step, e.value) for e in reader.Scalars(tag)]


def test_a_row_is_in_the_file_at_once_at_full_precision(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.write(1, loss=LOSS, learning_rate=np.float32(0.1))
    metrics.write(1, validation_loss=LOSS, perplexity=math.exp(LOSS), bits_per_byte=2.0)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": LOSS, "learning_rate": float(np.float32(0.1))},
        {"step": 1, "validation_loss": LOSS, "perplexity": math.exp(LOSS), "bits_per_byte": 2.0},
    ]


def test_a_number_that_is_not_finite_is_still_json(tmp_path):
    Metrics(tmp_path).write(1, loss=math.nan, gradient_norm=math.inf)
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == '{"step": 1, "loss": null, "gradient_norm": null}\n'


def test_resuming_cuts_a_partial_line_and_later_rows_then_appends(tmp_path):
    with Metrics(tmp_path) as metrics:
        write_steps(metrics, 1, 2)
        metrics.write(2, validation_loss=0.5)
        write_steps(metrics, 3)
    path = tmp_path / "metrics.jsonl"
    before = path.read_text()
    path.write_text(before + '{"step": 4, "lo')
    with Metrics(tmp_path, last_step=2) as metrics:
        write_steps(metrics, 3, scale=7.0)
    assert [(row["step"], row.get("loss")) for row in read_rows(tmp_path)] == [
        (1, 1.0), (2, 0.5), (2, None), (3, 7.0 / 3)
    ]  # fmt: skip
    assert path.read_text().startswith("".join(before.splitlines(keepends=True)[:3]))


def test_a_partial_line_that_ends_like_json_is_cut_too(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 1.0}\n{"step": 2, "loss": 1.0}')
    with Metrics(tmp_path, last_step=2) as metrics:
        write_steps(metrics, 3)
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 3]


def test_a_partial_line_that_is_not_utf_8_is_cut_too(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1, "loss": 1.0}\n{"step": 2, "lo\xff\xfe')
    with Metrics(tmp_path, last_step=2) as metrics:
        write_steps(metrics, 3)
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 3]


def test_a_file_with_nothing_to_cut_is_not_rewritten(tmp_path):
    with Metrics(tmp_path) as metrics:
        write_steps(metrics, 1, 2)
    before = (tmp_path / "metrics.jsonl").stat()
    Metrics(tmp_path, last_step=2).close()
    after = (tmp_path / "metrics.jsonl").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("last_step", [0, 2])
@pytest.mark.parametrize("read", [scalars, scalars_in_scripts])
def test_tensorboard_shows_each_step_once_after_a_resumption(tmp_path, last_step, read):
    with Metrics(tmp_path) as metrics:
        metrics.text(0, "sample", "killed")
        write_steps(metrics, 1, 2, 3, 4)
    time.sleep(1.0)  # TensorBoard reads event files by the second in their names
    with Metrics(tmp_path, last_step) as metrics:
        if last_step == 0:
            metrics.text(0, "sample", "new")
        write_steps(metrics, *range(last_step + 1, 6), scale=7.0)
    losses = read(tmp_path, "training/loss")
    assert [step for step, _ in losses] == [1, 2, 3, 4, 5]
    expected = [(1.0 if step <= last_step else 7.0) / step for step in range(1, 6)]
    np.testing.assert_allclose([loss for _, loss in losses], expected, rtol=1e-6)
    assert len(events(tmp_path).Tensors("sample")) == 1


def test_tensorboard_separates_training_from_validation(tmp_path):
    with Metrics(tmp_path) as metrics:
        metrics.write(3, loss=1.5, gradient_norm=0.5)
        metrics.write(3, validation_loss=2.5, bits_per_byte=1.25)
    assert scalars(tmp_path, "training/gradient_norm") == [(3, 0.5)]
    assert scalars(tmp_path, "validation/loss") == [(3, 2.5)]
    assert scalars(tmp_path, "validation/bits_per_byte") == [(3, 1.25)]


def test_tensorboard_shows_a_text_as_it_is(tmp_path):
    with Metrics(tmp_path) as metrics:
        metrics.text(0, "sample", "# my\n*fellow* citizens")
    (event,) = events(tmp_path).Tensors("sample")
    text = tensor_util.make_ndarray(event.tensor_proto).item()
    assert text.decode() == "    # my\n    *fellow* citizens"  # Markdown's code block


def test_tensorboard_has_the_hyperparameters(tmp_path):
    with Metrics(tmp_path) as metrics:
        metrics.hyperparameters({"learning_rate": 0.1, "text_files": ("a", "b"), "dropout": None})
    ((_, content),) = events(tmp_path).PluginTagToContent("hparams").items()
    shown = hparams_metadata.parse_session_start_info_plugin_data(content).hparams
    assert {name: v.number_value or v.string_value for name, v in shown.items()} == {
        "learning_rate": 0.1,
        "text_files": "('a', 'b')",
    }
