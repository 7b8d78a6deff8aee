"""How fast does the data pipeline feed batches by itself, and in how much memory?

    python -m benchmarks.feeding --output=benchmarks/results/feeding.md

A text of random words becomes a token store; then its shuffled batches are read as training reads
them, with no model. What training eats stands in `training_step`.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import report
from tfzoo import data, tokenizers

BATCH_SIZE, SEQUENCE_LENGTH = 8, 256


def main():
    flags = _flags()
    with tempfile.TemporaryDirectory() as folder:
        store = _token_store(Path(folder), flags.megabytes)
        before = _resident_megabytes()
        rates = [_rate(store, number, flags.num_batches) for number in range(flags.rounds)]
        grown = _resident_megabytes() - before
    text = [
        "## Feeding",
        "",
        report.machine(),
        "",
        f"{store.num_tokens:,} tokens on disk, batches of {BATCH_SIZE} x {SEQUENCE_LENGTH}, "
        f"{flags.num_batches} batches a round, {flags.rounds} rounds.",
        "",
        "| tokens/s, median | fastest to slowest round | resident memory that feeding added |",
        "| --- | --- | --- |",
        f"| {statistics.median(rates):,.0f} | {max(rates):,.0f} to {min(rates):,.0f} "
        f"| {grown:,.0f} MB |",
    ]
    report.publish("\n".join(text), flags.output)


def _token_store(folder, megabytes):
    words = np.random.default_rng(0).integers(97, 123, (4096, 6), dtype=np.uint8)
    words[:, -1] = ord(" ")
    text = words.tobytes() * max(1, megabytes * 10**6 // words.size)
    (folder / "text.txt").write_bytes(text)
    source = data.open_source(text_files=(str(folder / "text.txt"),))
    tokenizer = tokenizers.train("bytes", [], 0)
    return data.build_token_store(source, tokenizer, data_dir=str(folder), progress=False).train


def _rate(store, seed, num_batches):
    batches = iter(
        data.training_batches(
            store,
            sequence_length=SEQUENCE_LENGTH,
            global_batch_size=BATCH_SIZE,
            seed=seed,
            first_step=1,
        )
    )
    next(batches)
    start = time.perf_counter()
    for _ in range(num_batches):
        next(batches)
    return num_batches * BATCH_SIZE * SEQUENCE_LENGTH / (time.perf_counter() - start)


def _resident_megabytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500, help="size of the text")
    parser.add_argument("--num_batches", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", help="file to write the table to")
    parser.add_argument("--quick", action="store_true", help="a tiny text, to see that it runs")
    flags = parser.parse_args()
    if flags.quick:
        flags.megabytes, flags.num_batches, flags.rounds = 1, 20, 2
    return flags


if __name__ == "__main__":
    main()
