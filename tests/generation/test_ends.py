"""Several ids may end what a model writes: the first of them that is drawn does."""

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.test_beam import options, plain
from tests.generation.test_decoding import END_OF_TEXT, PROMPTS, in_a_plain_graph, sampling
from tfzoo.generation import Decoder, Ends, Writer
from tfzoo.generation.ends import is_one_of


def test_each_is_an_end():
    drawn = is_one_of(tf.constant([[3, 4], [5, 6]]), Ends(5, [3, 6]))
    np.testing.assert_array_equal(drawn, [[True, False], [True, True]])
    np.testing.assert_array_equal(is_one_of(tf.constant([3, 5]), 5), [False, True])


def plainly(model, how, ends):
    return in_a_plain_graph(Writer(model, ends))(PROMPTS, how)


def compiled(model, how, ends):
    return Decoder(Writer(model, ends)).generate(PROMPTS, how)


@pytest.mark.parametrize("written", [plainly, pytest.param(compiled, marks=pytest.mark.slow)])
def test_a_row_ends_at_each(model, written):
    how = sampling(len(PROMPTS), max_new_tokens=8, temperature=0.0)
    endless = written(model, how, END_OF_TEXT)
    other = next(row[2] for row in endless if len(row) > 2)
    expected = [row[: row.index(other)] if other in row else row for row in endless]
    assert expected != endless
    assert written(model, how, Ends(END_OF_TEXT, [other])) == expected


@pytest.mark.slow
def test_a_search_ends_at_each(model):
    how = options(len(PROMPTS), 6)
    endless, _ = plain(model, PROMPTS, how, 3)
    other = next(row[1] for row in endless if len(row) > 2)
    found, _ = plain(model, PROMPTS, how, 3, Ends(END_OF_TEXT, [other]))
    assert not any(other in row for row in found)
    assert found != endless
