"""Pictures as TensorBoard takes them, drawn by matplotlib."""

import dataclasses
import io

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


def picture_of(figure) -> Picture:
    """A figure as a picture."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    width, height = figure.canvas.get_width_height()
    return Picture(png=content.getvalue(), width=width, height=height)
