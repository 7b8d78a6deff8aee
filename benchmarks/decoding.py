"""How fast is greedy decoding with a cache, beside keras-hub and transformers?

    python -m benchmarks.decoding --output=benchmarks/results/decoding.md

Every peer reads the same random prompts and adds the same number of tokens; reading the prompt is
part of the time. The weights are random, which changes no operation.
"""

import argparse

from benchmarks import report
from benchmarks.settings import NANO, TINY, Setting, is_installed
from benchmarks.turns import time_in_turn

SETTING = Setting(**NANO, batch_size=1, num_steps=1)
QUICK = Setting(**TINY, batch_size=1, num_steps=1, prompt_length=4, num_new_tokens=8)
WAYS = {
    "tfzoo": ("tfzoo", False),
    "keras-hub": ("keras_hub", False),
    "keras-hub, XLA": ("keras_hub", True),
    "transformers": ("transformers", False),
    "transformers, static cache, torch.compile": ("transformers", True),
}


def main():
    flags = _flags()
    parts = ["## Greedy decoding", "", report.machine(), f"Median of {flags.rounds} rounds.", ""]
    for batch_size in flags.batch_sizes:
        setting = (QUICK if flags.quick else SETTING).replace(batch_size=batch_size)
        rates = time_in_turn(_peers(setting, flags.peers), flags.rounds)
        parts.append(report.table(_title(setting), "new tokens/s", rates))
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


def _title(setting):
    return (
        f"Batch {setting.batch_size}: {setting.num_layers} layers, width {setting.hidden_dim}, "
        f"vocabulary {setting.vocabulary_size}, prompt {setting.prompt_length}, "
        f"{setting.num_new_tokens} new tokens"
    )


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted({name for name, _ in WAYS.values()})
    parser.add_argument("--batch_sizes", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", help="file to write the tables to")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that it runs")
    flags = parser.parse_args()
    if flags.quick:
        flags.batch_sizes, flags.rounds = [1], 1
    return flags


if __name__ == "__main__":
    main()
