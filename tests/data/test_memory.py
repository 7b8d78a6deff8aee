"""Memory does not grow with the text: neither in building a store nor in reading batches."""

import subprocess
import sys

import pytest

from tests.data.texts import words

PROGRAM = """
import gc, resource, sys
import tensorflow as tf
from tfzoo import tokenizers
from tfzoo.data import build_token_store, open_source, training_batches

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def work(text):
    store = build_token_store(
        open_source(text_files=[text]), tokenizer, data_dir=sys.argv[1], progress=False
    ).train
    batches = training_batches(store, sequence_length=4096, global_batch_size=64, seed=0)
    for _ in batches.take(1 + store.num_tokens // (64 * 4096)):
        pass

tokenizer = tokenizers.load(sys.argv[2])
work(sys.argv[3])
before = peak()
work(sys.argv[4])
print(peak() - before)
"""


def growth(folder, tokenizer, megabytes):
    """MB by which the peak of resident memory grows from a text of 8 MB to a larger one."""
    block = (words(100_000) + "\n").encode()
    for name, size in (("small.txt", 8), ("large.txt", megabytes)):
        with open(folder / name, "wb") as file:
            for _ in range(size * 1_000_000 // len(block)):
                file.write(block)
    tokenizer.save(folder / "tokenizer")
    paths = [folder / name for name in ("data", "tokenizer", "small.txt", "large.txt")]
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *paths], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return float(ran.stdout)


@pytest.mark.slow
def test_a_text_of_60_mb_takes_no_more_memory_than_one_of_8(tmp_path, byte_level):
    assert growth(tmp_path, byte_level, 60) < 25


@pytest.mark.slow
def test_a_text_of_300_mb_takes_no_more_memory_than_one_of_8(tmp_path, byte_pair):
    assert growth(tmp_path, byte_pair, 300) < 60


EXAMPLES = """
import resource, sys
import numpy as np
from tfzoo.data import build_example_store, open_examples

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def work(text):
    pairs = open_examples("pairs", files=[text])
    columns = {"token_ids": lambda pair: np.frombuffer(pair["source"].encode(), np.uint8)}
    build_example_store(pairs, columns, recipe="bytes", data_dir=sys.argv[1], progress=False)

work(sys.argv[2])
before = peak()
work(sys.argv[3])
print(peak() - before)
"""


@pytest.mark.slow
def test_pairs_of_40_mb_take_no_more_memory_than_those_of_8(tmp_path):
    paths = [tmp_path / "data", tmp_path / "small.tsv", tmp_path / "large.tsv"]
    for path, megabytes in zip(paths[1:], (8, 40), strict=True):
        rows = (
            f"{chr(0x4E00 + n % 20000)} {'word ' * 190}\t{'Wort ' * 10}\n"
            for n in range(megabytes * 1000)
        )
        path.write_text("".join(rows))
    command = [sys.executable, "-c", EXAMPLES, *paths]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 15
