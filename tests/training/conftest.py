"""Small texts and rows that runs of several tests learn from."""

import numpy as np
import pytest

WORDS = "one two three four five six seven eight nine ten".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts, rows with two labels and rows with three."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(WORDS, size)) for size in random.integers(2, 9, 60)]
    (folder / "text").mkdir()
    for number, row in enumerate(rows):
        (folder / "text" / f"{number:02}.txt").write_text(f"{row} {row[::-1]}. " * 5)
    for name, labels in (("two.csv", "xy"), ("three.csv", "xyz")):
        lines = [f"{row},{labels[len(row) % len(labels)]}" for row in rows]
        (folder / name).write_text("\n".join(["text,label", *lines]) + "\n")
    return folder
