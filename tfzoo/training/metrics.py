"""The numbers of a run: one JSON object a line in `metrics.jsonl`, and TensorBoard.

A row that holds `loss` is of training; one without is of an evaluation. Rows are written at once,
so a killed run loses none; a resumed one cuts what came after its checkpoint and appends.
"""

import json
import math
import os
import time
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter


class Metrics:
    """Writes the numbers, text samples and hyperparameters of one run. For the chief only.

    Args:
        model_dir: path. Gets `metrics.jsonl` and `tensorboard/`.
        last_step: int. The step of the checkpoint that training goes on from, 0 at the start. What
            is on record of later steps is dropped.
    """

    def __init__(self, model_dir, last_step: int = 0):
        path = Path(model_dir) / "metrics.jsonl"
        cut_rows(path, last_step)
        self._rows = open(path, "a", encoding="utf-8")
        self._events = EventFileWriter(str(Path(model_dir) / "tensorboard"))
        self._drop_events_from(last_step + 1 if last_step else 0)

    def write(self, step: int, **values: float) -> None:
        """Writes a row: `loss` and its like while training, `validation_loss` and its like else.

        Values keep their full precision; one that is not finite becomes null, as JSON has none.
        """
        row = {"step": int(step)} | {name: _json_number(value) for name, value in values.items()}
        self._rows.write(json.dumps(row) + "\n")
        self._rows.flush()
        prefix = "training" if "loss" in values else "validation"
        for name, value in values.items():
            tag = f"{prefix}/{name.removeprefix('validation_')}"
            self._add(step, summary=_scalar(tag, value))
        self._events.flush()

    def text(self, step: int, name: str, text: str) -> None:
        """Shows a text, such as a sample of the model's, in TensorBoard: as it is, no Markdown."""
        block = "\n".join("    " + line for line in text.splitlines() or [""])
        self._add(step, summary=text_pb(name, block))
        self._events.flush()

    def hyperparameters(self, values: dict) -> None:
        """Puts the run into TensorBoard's table of hyperparameters."""
        shown = {
            name: value if isinstance(value, (bool, int, float, str)) else str(value)
            for name, value in values.items()
            if value not in (None, (), "")
        }
        self._add(0, summary=hparams_pb(shown))
        self._events.flush()

    def close(self) -> None:
        self._rows.close()
        self._events.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _drop_events_from(self, step: int) -> None:
        # TensorBoard then forgets what an earlier, killed process wrote of this step and later.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(step, session_log=start)
        self._events.flush()

    def _add(self, step: int, **content) -> None:
        self._events.add_event(event_pb2.Event(wall_time=time.time(), step=int(step), **content))


def write_scalars(folder, step: int, values: dict) -> None:
    """Shows numbers in TensorBoard, as a run of its own in `folder`."""
    events = EventFileWriter(str(folder))
    for name, value in values.items():
        event = event_pb2.Event(wall_time=time.time(), step=int(step), summary=_scalar(name, value))
        events.add_event(event)
    events.close()


def read_rows(model_dir) -> list[dict]:
    """The rows of a run's `metrics.jsonl`; a partial last line is left out."""
    return list(_whole_rows(Path(model_dir) / "metrics.jsonl"))


def cut_rows(path: Path, last_step: int) -> None:
    """Drops a partial last line and the rows after `last_step`; a file without such is let be."""
    kept = [row for row in _whole_rows(path) if row["step"] <= last_step]
    text = "".join(json.dumps(row) + "\n" for row in kept)
    if path.exists() and path.read_bytes() != text.encode():
        aside = path.with_name(f".{path.name}")
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)


def _whole_rows(path: Path):
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if line.endswith("\n") and isinstance(row, dict) and "step" in row:
                yield row


def _scalar(tag: str, value) -> summary_pb2.Summary:
    # The old form of a scalar, since some readers drop only this one when a run starts again.
    item = summary_pb2.Summary.Value(tag=tag, simple_value=float(value))
    return summary_pb2.Summary(value=[item])


def _json_number(value) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None
