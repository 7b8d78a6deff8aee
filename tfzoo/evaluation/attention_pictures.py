"""Attention weights in TensorBoard: a picture a layer."""

import time
import warnings
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tfzoo.evaluation.picture import Picture, new_figure, picture_of

_HEADS_A_ROW = 4
_MOST_NAMED = 40  # tokens; the names of more would not be readable


def draw_attention(maps) -> dict[str, Picture]:
    """A picture of each layer's heads side by side.

    Args:
        maps: list of `AttentionMaps`.

    Returns:
        dict from "<kind>/layer_<number>" to `Picture`.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    return {
        f"{kind.name}/layer_{number:02d}": _layer(kind, weights)
        for kind in maps
        for number, weights in enumerate(kind.weights)
    }


def write_pictures(folder, step: int, pictures: dict[str, Picture]) -> None:
    """Adds pictures by their names to TensorBoard's Images, as a run of its own.

    Args:
        folder: path of that run. Not that of the training: a reader of its events takes the newest
            file for the only one that grows.
        step: int.
    """
    events = EventFileWriter(str(Path(folder)))
    for name, picture in pictures.items():
        image = summary_pb2.Summary.Image(
            height=picture.height,
            width=picture.width,
            colorspace=4,  # red, green, blue, alpha
            encoded_image_string=picture.png,
        )
        value = summary_pb2.Summary.Value(tag=name, image=image)
        summary = summary_pb2.Summary(value=[value])
        events.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))
    events.close()


def _layer(kind, weights):
    """The picture of weights (h, t, s)."""
    heads, num_readers, num_read = weights.shape
    columns = min(heads, _HEADS_A_ROW)
    rows = -(-heads // columns)
    side = min(2.0 + 0.16 * max(num_readers, num_read), 8.0)
    figure = new_figure(columns * side, rows * side, "The picture of attention in TensorBoard")
    for head, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if head >= heads:
            axes.set_axis_off()
            continue
        axes.imshow(weights[head] ** 0.5, cmap="Blues", vmin=0.0, vmax=1.0)
        axes.set_title(f"head {head}")
        _name_tokens(axes.xaxis, kind.read, rotation=90)
        _name_tokens(axes.yaxis, kind.readers)
    figure.supxlabel("is read")
    figure.supylabel("reads")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # The font has not all characters.
        return picture_of(figure)


def _name_tokens(axis, names, **text):
    if len(names) <= _MOST_NAMED:
        axis.set_ticks(range(len(names)), names, parse_math=False, fontsize=8, **text)
