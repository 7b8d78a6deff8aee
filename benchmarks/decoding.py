"""How fast is decoding with a cache, greedy or with draws, beside keras-hub and transformers?

    python -m benchmarks.decoding --output=benchmarks/results/decoding.md

Every peer reads the same random prompts and adds the same number of tokens; reading the prompt is
part of the time. The weights are random, which changes no operation. A token of one prompt needs
each weight once from memory; the share of what the memory gives tells how much of that limit is
reached. Weights that fit the processor's cache are read faster than that.
"""

import argparse

from benchmarks import report
from benchmarks.settings import NANO, SMALL, TINY, Setting, is_installed
from benchmarks.turns import time_in_turn

SHAPES = {
    "nano": Setting(**NANO, batch_size=1, num_steps=1),
    "gpt2_small": Setting(**SMALL, batch_size=1, num_steps=1),
}
QUICK = Setting(**TINY, batch_size=1, num_steps=1, prompt_length=4, num_new_tokens=8)
WAYS = {
    "tfzoo": ("tfzoo", False),
    "keras-hub": ("keras_hub", False),
    "keras-hub, XLA": ("keras_hub", True),
    "transformers": ("transformers", False),
    "transformers, static cache, torch.compile": ("transformers", True),
}
MEMORY = "memory"


def main():
    flags = _flags()
    how = f"Decoding with draws, top-p {flags.top_p}" if flags.top_p else "Greedy decoding"
    parts = [f"## {how}", "", report.machine(), f"Median of {flags.rounds} rounds.", ""]
    shapes = {"quick": QUICK} if flags.quick else {name: SHAPES[name] for name in flags.shapes}
    for name, shape in shapes.items():
        for batch_size in flags.batch_sizes:
            setting = shape.replace(batch_size=batch_size, top_p=flags.top_p)
            peers = {MEMORY: ("memory_bandwidth", setting), **_peers(setting, flags.peers)}
            rates = time_in_turn(peers, flags.rounds)
            parts.append(_table(name, setting, rates))
            report.keep("\n".join(parts), flags.output)
    report.publish("\n".join(parts), flags.output)


def _peers(setting, names):
    return {
        f"{way}, {precision}": (
            f"decoding_{name}",
            setting.replace(precision=precision, compiled=compiled),
        )
        for way, (name, compiled) in WAYS.items()
        if name in names and is_installed(name)
        for precision in ("float32", "bfloat16")
    }


def _table(name, setting, rates):
    bandwidth = report.medians({MEMORY: rates.pop(MEMORY)})[MEMORY]
    title = (
        f"{name}, batch {setting.batch_size}: {setting.shape}, prompt {setting.prompt_length}, "
        f"{setting.num_new_tokens} new tokens"
    )
    table = report.table(title, "new tokens/s", rates)
    ours = report.medians(rates).get("tfzoo, float32")
    reading = f"The memory gave {bandwidth / 1e9:,.1f} GB/s in the same run"
    if setting.batch_size > 1 or not ours:
        return f"{table}\n{reading}.\n"
    share = ours * setting.num_weights * 4 / bandwidth
    return f"{table}\n{reading}; tfzoo in float32 reads its weights at {share:.0%} of that.\n"


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted({name for name, _ in WAYS.values()})
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--batch_sizes", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--top_p", type=float, default=0.0, help="draw from this share; 0: greedy")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", help="file to write the tables to")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that it runs")
    flags = parser.parse_args()
    if flags.quick:
        flags.batch_sizes, flags.rounds = [1], 1
    return flags


if __name__ == "__main__":
    main()
