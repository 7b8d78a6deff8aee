"""How fast is a training step, beside keras-hub and transformers?

    python -m benchmarks.training_step --output=benchmarks/results/training_step.md

Every peer does the same work on the same random tokens: AdamW with the same numbers, clipping by
the global norm 1, no dropout, a tied head. bfloat16 is what each calls mixed precision: the weights
stay float32.
"""

import argparse

from benchmarks import report
from benchmarks.settings import NANO, SMALL, TINY, Setting, is_installed
from benchmarks.turns import time_in_turn

SHAPES = {
    "nano": Setting(**NANO, batch_size=8, num_steps=5),
    "gpt2_small": Setting(**SMALL, batch_size=2, num_steps=3),
    "tiny": Setting(**TINY, sequence_length=16, batch_size=2, num_steps=1),
}
WAYS = {
    "tfzoo": ("tfzoo", False),
    "keras-hub": ("keras_hub", False),
    "keras-hub, XLA": ("keras_hub", True),
    "transformers, eager": ("transformers", False),
    "transformers, torch.compile": ("transformers", True),
}
PEAK = "matrix product"


def main():
    flags = _flags()
    parts = ["## Training step", "", report.machine(), f"Median of {flags.rounds} rounds.", ""]
    for shape in flags.shapes:
        for precision in flags.precisions:
            setting = SHAPES[shape].replace(precision=precision)
            rates = time_in_turn(_peers(setting, flags.peers), flags.rounds)
            parts.append(_table(shape, setting, rates))
            report.keep("\n".join(parts), flags.output)
    report.publish("\n".join(parts), flags.output)


def _peers(setting, names):
    peers = {PEAK: ("matrix_product", setting)}
    for way, (name, compiled) in WAYS.items():
        if name in names and is_installed(name):
            peers[way] = (f"training_{name}", setting.replace(compiled=compiled))
    return peers


def _table(shape, setting, rates):
    peak = report.medians({PEAK: rates.pop(PEAK)})[PEAK]
    title = (
        f"{shape}: {setting.shape}, {setting.batch_size} rows of {setting.sequence_length} tokens, "
        f"{setting.precision}"
    )
    table = report.table(title, "tokens/s", rates, peak, setting.training_flops)
    return f"{table}\nThis machine's matrix product in the same run: {peak / 1e9:,.0f} GFLOP/s.\n"


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted({name for name, _ in WAYS.values()})
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["nano", "gpt2_small"])
    precisions = ["float32", "bfloat16"]
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions)
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", help="file to write the tables to")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that it runs")
    flags = parser.parse_args()
    if flags.quick:
        flags.shapes, flags.rounds = ["tiny"], 1
    return flags


if __name__ == "__main__":
    main()
