"""What a check has found, as tables: a head, and rows of text."""

from rich.console import Console
from rich.table import Table


def checks(checked):
    """How large the variants are, and how far from Python and from float32.

    Args:
        checked: list of `check.Checked`.
    """
    head = ("weights", "files", "from Python", "texts as in Python", "from float32", "perplexity")
    return head, [
        (
            one.variant,
            f"{one.num_bytes / 1e6:,.2f} MB",
            f"{one.from_python:.1g}",
            f"{one.equal_texts:.0%}",
            f"{one.from_float32:.2g}",
            _perplexity(one),
        )
        for one in checked
    ]


def latencies(checked):
    """How fast they answer; arguments as for `checks`."""
    head = ("weights", "rows", "p50", "p95", "calls", "tokens/s")
    return head, [
        (
            one.variant,
            str(latency.rows),
            f"{1000 * latency.p50:,.1f} ms",
            f"{1000 * latency.p95:,.1f} ms",
            str(latency.calls),
            "" if latency.tokens_per_second is None else f"{latency.tokens_per_second:,.0f}",
        )
        for one in checked
        for latency in one.latencies
    ]


def show(checked) -> None:
    """Prints both tables on standard error; arguments as for `checks`."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    timed = f"Time of `{checked[0].signature}`"
    for title, (head, rows) in (("Checked", checks(checked)), (timed, latencies(checked))):
        table = Table(*head, title=title, title_justify="left", box=None)
        for row in rows:
            table.add_row(*row)
        console.print(table)


def _perplexity(one):
    if one.perplexity is None:
        return "none"
    return f"{one.perplexity:.4g} ({one.perplexity_change:+.2%})"
