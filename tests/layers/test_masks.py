"""Masks and positions, by hand."""

import numpy as np

from tfzoo.layers.masks import positions, readable

PADDED = np.array([[0, 1, 1, 1, 1, 1, 0]], bool)
DOCUMENTS = np.array([[7, 7, 7, 3, 3, 3, 3]])


def test_a_window_of_later_queries():
    mask = readable(2, 6, first=3, causal=True, window=3)
    assert mask.numpy().astype(int).tolist() == [[0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0]]


def test_documents_and_padding_together():
    mask = readable(7, 7, causal=True, padding_mask=PADDED, document_ids=DOCUMENTS)
    assert mask.shape == (1, 1, 7, 7)
    read = [np.flatnonzero(row).tolist() for row in mask[0, 0].numpy()]
    assert read == [[], [1], [1, 2], [3], [3, 4], [3, 4, 5], [3, 4, 5]]


def test_positions_begin_anew_in_each_document():
    assert positions(None, DOCUMENTS).numpy().tolist() == [[0, 1, 2, 0, 1, 2, 3]]
    assert positions(PADDED).numpy()[PADDED].tolist() == [0, 1, 2, 3, 4]
    assert positions(PADDED, DOCUMENTS).numpy()[PADDED].tolist() == [0, 1, 0, 1, 2]
