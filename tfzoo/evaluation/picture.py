"""Pictures as TensorBoard takes them, drawn by matplotlib."""

import dataclasses
import io
import time
from pathlib import Path

from tfzoo.errors import UsageError

_DOTS_PER_INCH = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as TensorBoard takes it.

    Attributes:
        png: bytes. The content of a PNG file.
        width, height: int, in dots.
    """

    png: bytes
    width: int
    height: int


def new_figure(width: float, height: float, what: str):
    """An empty matplotlib figure, its sides in inches.

    Raises:
        UsageError: if matplotlib is not installed; `what` needs it.
    """
    try:
        from matplotlib.figure import Figure  # without pyplot, which wants a screen
    except ImportError:
        raise UsageError(
            f"{what} needs matplotlib, which is not installed. "
            "Install it with: pip install 'tfzoo[pictures]'"
        ) from None
    return Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, layout="constrained")


def has_glyphs(text: str) -> bool:
    """Whether matplotlib's font has all characters of a text: others would be boxes, all alike."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return all(font.get_char_index(ord(character)) for character in text)


def picture_of(figure) -> Picture:
    """A figure as a picture."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    width, height = figure.canvas.get_width_height()
    return Picture(png=content.getvalue(), width=width, height=height)


def write_pictures(folder, step: int, pictures: dict[str, Picture]) -> None:
    """Adds pictures by their names to TensorBoard's Images, as a run of its own.

    Args:
        folder: path of that run. Not that of the training: a reader of its events takes the newest
            file for the only one that grows.
        step: int.
    """
    from tensorboard.compat.proto import event_pb2, summary_pb2  # a tenth of a second at each start
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

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
