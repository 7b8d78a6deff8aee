"""Span corruption: an example drawn, its lengths, and that nothing of the text is lost."""

import numpy as np
import pytest

from tfzoo.tasks.corruption import Corruption

WORDS = "thank you for inviting me to your party last week".split()
SENTINELS, END = ["<X>", "<Y>", "<Z>"], "</s>"
PIECES = [*WORDS, *SENTINELS, END]


def corrupted(corruption, num_tokens, generator, sentinels=range(1000, 2000), end=999):
    return corruption.corrupt(np.arange(num_tokens), sentinels, end, generator)


def test_a_drawn_example():
    """Raffel et al., 2020, figure 2; 4 of the 10 words, in spans of 2."""
    rows = corrupted(Corruption(0.4, 2.0), 10, np.random.default_rng(1), [10, 11, 12], 13)
    inputs, targets = (" ".join(PIECES[i] for i in row) for row in rows)
    assert inputs == "thank you for <X> to your party <Y> </s>"
    assert targets == "<X> inviting me <Y> last week </s>"


@pytest.mark.parametrize(
    ("input_length", "num_tokens", "target_length"), [(512, 568, 114), (114, 126, 26)]
)
def test_as_many_tokens_are_read_as_fill_the_input(input_length, num_tokens, target_length):
    """The published code gives 568 and 114 for an input of 512."""
    corruption = Corruption(0.15, 3.0)
    assert corruption.num_tokens(input_length) == num_tokens
    assert corruption.lengths(num_tokens) == (input_length, target_length)


@pytest.mark.parametrize("density", [0.01, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("mean", [1.0, 3.0, 10.0])
def test_lengths_are_as_counted_and_no_token_is_lost(density, mean):
    corruption, generator = Corruption(density, mean), np.random.default_rng(0)
    for num_tokens in (2, 3, 10, 57):
        inputs, targets = corrupted(corruption, num_tokens, generator)
        assert (len(inputs), len(targets)) == corruption.lengths(num_tokens)
        assert inputs[-1] == targets[-1] == 999
        assert restored(inputs, targets) == list(range(num_tokens))


def restored(inputs, targets):
    """The text, with each sentinel's span where the input has the sentinel."""
    spans, text = {}, []
    for token in targets[:-1]:
        if token >= 1000:
            spans[token] = []
        else:
            spans[int(max(spans))].append(int(token))
    for token in inputs[:-1]:
        text += spans[int(token)] if token >= 1000 else [int(token)]
    return text


def test_each_token_but_at_the_borders_is_left_out_as_often():
    corruption, generator = Corruption(0.15, 3.0), np.random.default_rng(0)
    left_out = np.zeros(126)
    for _ in range(2000):
        _, targets = corrupted(corruption, 126, generator)
        left_out[targets[targets < 999]] += 1 / 2000
    assert left_out.mean() == pytest.approx(19 / 126)
    np.testing.assert_allclose(left_out[30:96], 0.15, atol=0.04)
