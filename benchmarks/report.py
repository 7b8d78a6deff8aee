"""Results as markdown: medians, their spread, ratios, and the machine they belong to."""

import datetime
import importlib.metadata
import os
import platform
import statistics
from pathlib import Path

PACKAGES = ("tensorflow", "keras", "keras-hub", "torch", "transformers")


def medians(rates):
    """dict of name -> median rate, of the peers that gave any."""
    return {name: statistics.median(values) for name, values in rates.items() if values}


def table(title, unit, rates, peak=None, work=None):
    """One markdown table, fastest first.

    Args:
        title: str.
        unit: str, for example "tokens/s".
        rates: dict of name -> list of rates, one a round.
        peak: float, FLOP/s that the machine reaches; with `work`, adds a column.
        work: float, FLOP a unit.
    """
    middle = medians(rates)
    best_peer = max((rate for name, rate in middle.items() if not is_ours(name)), default=None)
    heads = ["", unit, "fastest to slowest round", "against the best peer"]
    heads += ["share of peak"] if peak else []
    rows = [heads, ["---"] * len(heads)]
    for name in sorted(rates, key=lambda name: -middle.get(name, 0.0)):
        rows.append(_row(name, rates[name], best_peer))
        if peak:
            rows[-1].append(f"{middle[name] * work / peak:.0%}" if name in middle else "")
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([f"### {title}", "", *lines, ""])


def is_ours(name):
    return name.startswith("tfzoo")


def _row(name, values, best_peer):
    shown = f"**{name}**" if is_ours(name) else name
    if not values:
        return [shown, "failed", "", ""]
    rate = statistics.median(values)
    ratio = f"{rate / best_peer:.2f}x" if best_peer else ""
    return [shown, f"{rate:,.0f}", f"{max(values):,.0f} to {min(values):,.0f}", ratio]


def machine():
    """A line that says what the numbers were measured on, and when."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    today = datetime.date.today().isoformat()
    return (
        f"{today}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{', '.join(versions)}."
    )


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def publish(text, output):
    """Prints the report, and writes it to a file if one is named."""
    print(text)
    keep(text, output)


def keep(text, output):
    """Writes what there is of a report to the file, if one is named."""
    if output:
        Path(output).write_text(text + "\n")
