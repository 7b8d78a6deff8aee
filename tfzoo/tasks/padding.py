"""Rows of any length as arrays of one length."""

import numpy as np


def padding_id(tokenizer) -> int:
    """The id that fills rows up: that of padding, or end-of-text where there is none."""
    return tokenizer.special_ids.get("padding", tokenizer.end_of_text)


def cut(row, length: int) -> np.ndarray:
    """A row of at most `length` tokens: too long a one keeps its last, which ends it."""
    return row if len(row) <= length else np.append(row[: length - 1], row[-1:])


def padded(rows, length: int, fill=0, dtype=np.int32) -> np.ndarray:
    """The rows, cut to `length` or filled up to it: dtype (b, length)."""
    result = np.full((len(rows), length), fill, dtype)
    for i, row in enumerate(rows):
        result[i, : len(row)] = row[:length]
    return result


def padding_mask(rows, length: int) -> np.ndarray:
    """bool (b, length), True at what the rows hold; an empty row keeps one place to read."""
    lengths = np.array([max(1, len(row)) for row in rows])
    return np.arange(length) < lengths[:, None]
