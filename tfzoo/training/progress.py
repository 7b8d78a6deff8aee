"""What a person sees while a model trains: a bar on a terminal, a line now and then in a log."""

import contextlib
import math
import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows step, loss, perplexity, tokens/s and the time that remains, on stderr.

    The bar appears only on a terminal.

    Args:
        train_steps: int. Steps to train in all.
        first_step: int. Steps that an earlier start has trained.
        has_perplexity: bool. Whether exp of the loss is one, to be shown.
    """

    def __init__(self, train_steps: int, first_step: int, *, has_perplexity: bool):
        self._train_steps = train_steps
        self._first_step = first_step
        self._has_perplexity = has_perplexity
        self._console = Console(file=sys.stderr, soft_wrap=True, highlight=False)
        self._bar = _bar(self._console) if self._console.is_terminal else None
        self._numbers = ""

    def __enter__(self):
        self._started = time.monotonic()
        self._last_line = -math.inf
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(
                "training", total=self._train_steps, completed=self._first_step, numbers=""
            )
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def update(self, step: int, loss: float | None = None, tokens_per_second: float | None = None):
        """Moves on to `step`; the numbers shown are kept until newer ones come."""
        if loss is not None:
            perplexity = f"  perplexity {_perplexity(loss)}" if self._has_perplexity else ""
            rate = f"  {tokens_per_second:,.0f} tokens/s" if tokens_per_second else ""
            self._numbers = f"loss {loss:.4f}{perplexity}{rate}"
        if self._bar:
            self._bar.update(self._task, completed=step, numbers=self._numbers)
        elif self._is_time_for_a_line(step):
            self._last_line = time.monotonic()
            self.message(f"step {step}/{self._train_steps}  {self._numbers}  {self._eta(step)}")

    def message(self, text: str) -> None:
        """Prints a line of its own, above the bar where there is one."""
        self._console.print(text, markup=False)

    def _is_time_for_a_line(self, step: int) -> bool:
        waited = time.monotonic() - self._last_line
        return step >= self._train_steps or waited >= _SECONDS_BETWEEN_LINES

    def _eta(self, step: int) -> str:
        done = max(step - self._first_step, 1)
        seconds = (time.monotonic() - self._started) / done * (self._train_steps - step)
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left"


def _bar(console: Console) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
        console=console,
    )


def _perplexity(loss: float) -> str:
    return f"{math.exp(loss):,.1f}" if loss < 50 else "inf"


def bytes_bar(description: str, total: int | None):
    """A bar for work on bytes of text; gives a function that takes the bytes done so far.

    It appears on stderr while that is a terminal, and goes when it is done.
    """
    return _counting_bar(description, total, DownloadColumn())


def items_bar(description: str, total: int):
    """A bar for work on so many things, as `bytes_bar` is for bytes."""
    return _counting_bar(description, total, MofNCompleteColumn())


@contextlib.contextmanager
def _counting_bar(description, total, count):
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with RichProgress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)
