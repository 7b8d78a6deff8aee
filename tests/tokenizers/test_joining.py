"""One text or a pair with its special tokens: what comes out, and what a length cuts off."""

import pytest
import tensorflow as tf

from tfzoo.tokenizers import joining, joining_graph

IDS = {"start": 101, "separator": 102, "end_of_text": 100}
LAYOUTS = [joining.PLAIN, joining.BERT, joining.ROBERTA]


def join(layout, first, second=None, max_length=None):
    return joining.join(layout, IDS, first, second, max_length)


def test_a_text_alone():
    assert join(joining.PLAIN, [1, 2]) == joining.Joined([1, 2, 100], [0, 0, 0])
    assert join(joining.BERT, [1, 2]) == joining.Joined([101, 1, 2, 102], [0] * 4)
    assert join(joining.ROBERTA, [1, 2]) == joining.Joined([101, 1, 2, 102], [0] * 4)


def test_a_pair():
    assert join(joining.PLAIN, [1], [2, 3]) == joining.Joined([1, 100, 2, 3, 100], [0] * 5)
    assert join(joining.BERT, [1], [2, 3]) == joining.Joined(
        [101, 1, 102, 2, 3, 102], [0, 0, 0, 1, 1, 1]
    )
    assert join(joining.ROBERTA, [1], [2, 3]) == joining.Joined(
        [101, 1, 102, 102, 2, 3, 102], [0] * 7
    )


def test_an_empty_second_text_is_still_a_pair():
    assert join(joining.BERT, [1], []) == joining.Joined([101, 1, 102, 102], [0, 0, 0, 1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_longer_text_loses_its_last_tokens_one_by_one(layout):
    for num_first in range(9):
        for num_second in range(9):
            for room in range(18):
                first, second = list(range(num_first)), list(range(20, 20 + num_second))
                found = join(layout, first, second, room + layout.num_specials(is_pair=True))
                while len(first) + len(second) > room:
                    (first if len(first) > len(second) else second).pop()
                assert found == join(layout, first, second)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_text_alone_loses_its_last_tokens(layout):
    for room in range(5):
        found = join(layout, [1, 2, 3], None, room + layout.num_specials(is_pair=False))
        assert found == join(layout, [1, 2, 3][:room])


def test_a_length_without_room_for_the_special_tokens_is_refused():
    with pytest.raises(ValueError, match="`max_length` must be at least 3.*max_length=2"):
        join(joining.BERT, [1], [2], 2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("max_length", [None, 4, 5, 8, 9, 30])
def test_the_graph_joins_alike(layout, max_length):
    firsts = [list(range(n)) for n in range(9) for _ in range(9)]
    seconds = [list(range(20, 20 + n)) for _ in range(9) for n in range(9)]
    for texts in ((firsts,), (firsts, seconds)):
        rows = [join(layout, *row, max_length=max_length) for row in zip(*texts, strict=True)]
        ragged = (tf.ragged.constant(text, tf.int32) for text in texts)
        found = joining_graph.join(layout, IDS, *ragged, max_length=max_length)
        assert found.token_ids.dtype == found.segment_ids.dtype == tf.int32
        assert found.token_ids.to_list() == [row.token_ids for row in rows]
        assert found.segment_ids.to_list() == [row.segment_ids for row in rows]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_graph_joins_nothing(layout):
    none = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int32), tf.zeros([0], tf.int64))
    assert joining_graph.join(layout, IDS, none, none, 9).token_ids.to_list() == []
