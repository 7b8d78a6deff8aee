"""How many prompts that it was trained on does a model reply to as it was taught?

    python -m benchmarks.replies --model_dir=runs/dialogue

A prompt is what opens a conversation of the training part; it is unambiguous if all conversations
that it opens, compared with white space made single spaces, go on with one and the same reply. Each
unambiguous prompt is said once, by a pipe through `python -m tfzoo.chat --temperature=0`, with
/reset before the next. A reply is exact if it is the whole of what was taught, white space apart.
"""

import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path

from tfzoo import data, flags
from tfzoo.data.examples.sides import TRAIN, side
from tfzoo.training import TrainConfig


def training_conversations(config):
    """The turns of each conversation that a run was trained on."""
    source = data.open_examples(
        "dialogue",
        dataset=config.dataset,
        files=config.text_files,
        fields={"turns": config.turns_field},
        data_dir=str(Path(config.data_dir).expanduser()),
        on_bad_rows=config.on_bad_rows,
    )
    fraction = 0.0 if config.validation_files else config.validation_fraction
    for example in source.examples():
        if side(example, "dialogue", fraction) == TRAIN:
            yield example["turns"]


def replies_by_prompt(conversations):
    """Prompt -> set of the replies that follow it."""
    found = collections.defaultdict(set)
    for prompt, reply, *_ in conversations:
        found[one_line(prompt)].add(one_line(reply))
    return found


def one_line(text):
    return " ".join(text.split())


def said(model_dir, prompts):
    """The model's reply to each prompt, each in a conversation of its own."""
    program = [sys.executable, "-m", "tfzoo.chat", f"--model_dir={model_dir}"]
    options = ["--temperature=0", "--max_new_tokens=1000"]
    lines = "".join(f"{prompt}\n/reset\n" for prompt in prompts)
    done = subprocess.run(
        [*program, *options], input=lines, stdout=subprocess.PIPE, text=True, check=True
    )
    return [one_line(line) for line in done.stdout.removesuffix("\n").split("\n")]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="Folder of a run of --task=dialogue.")
    parser.add_argument("--misses", action="store_true", help="Show each reply that is not exact.")
    given = parser.parse_args(argv)
    config = flags.read(TrainConfig, Path(given.model_dir) / "train.flags")
    replies = replies_by_prompt(training_conversations(config))
    taught = {prompt: told.pop() for prompt, told in replies.items() if len(told) == 1}
    pairs = list(zip(taught.items(), said(given.model_dir, taught), strict=True))
    misses = [(prompt, reply, heard) for (prompt, reply), heard in pairs if heard != reply]
    if given.misses:
        for prompt, reply, heard in misses:
            print(f"prompt: {prompt}\n  taught: {reply}\n  said:   {heard}", file=sys.stderr)
    result = {
        "prompts": len(replies),
        "unambiguous": len(taught),
        "exact": len(taught) - len(misses),
        "share": round(1 - len(misses) / len(taught), 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
