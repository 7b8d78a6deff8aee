"""A long text among many short ones takes the graph faces no memory by the product of the two."""

import subprocess
import sys

import pytest
import tensorflow as tf

from tfzoo import tokenizers
from tfzoo.tokenizers.ragged import picked, row_ids

PROGRAM = """
import resource, sys
import tensorflow as tf
from tfzoo import tokenizers
from tfzoo.tokenizers.byte_pair_graph import BytePairGraph

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

byte_pair, word_piece = map(tokenizers.load, sys.argv[1:])
long_text = "some words " * 20_000
rows = [long_text] + ["a"] * 20_000
for graph, texts in (
    (byte_pair.graph(), rows),
    (word_piece.graph(), rows),
    (BytePairGraph(byte_pair, digits_apart=True), ["1" * 20_000 + long_text]),
):
    graph.tokenize(["warm 1", "up"])
    before = peak()
    ids = graph.tokenize(texts)
    assert ids.nrows() == len(texts)
    if texts is rows:
        assert graph.detokenize(ids[1:]).shape == [20_000]
    print(peak() - before)
"""


@pytest.mark.slow
def test_a_long_text_among_short_ones(tmp_path):
    folders = [tmp_path / "byte_pair", tmp_path / "word_piece"]
    for folder in folders:
        tokenizers.train(folder.name, ["some words, other words"] * 9, 300).save(folder)
    command = [sys.executable, "-c", PROGRAM, *folders]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    grown = [float(line) for line in ran.stdout.split()]
    assert len(grown) == 3 and max(grown) < 500, grown  # MB; short by long ones are 35,000


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_rows_are_those_of_tensorflow(dtype):
    ragged = tf.RaggedTensor.from_row_lengths(
        [5, 6, 7, 8, 9], tf.constant([0, 2, 0, 0, 3, 0], dtype)
    )
    assert row_ids(ragged).numpy().tolist() == ragged.value_rowids().numpy().tolist()
    is_picked = tf.constant([False, True, True, False, True])
    expected = tf.ragged.boolean_mask(ragged, ragged.with_values(is_picked)).to_list()
    assert picked(ragged, is_picked).to_list() == expected == [[], [6], [], [], [7, 9], []]
    nothing = ragged[:0]
    assert row_ids(nothing).shape == [0]
    assert picked(nothing, tf.constant([], tf.bool)).to_list() == []
