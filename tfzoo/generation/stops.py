"""Where a row ends beside end-of-text: at tokens, and at texts, also across the borders of tokens.

Texts are matched by their bytes: of each row the newest written ones are at hand, and a step adds
those of its token. Shape letters: b row, p pattern, m its bytes, n bytes of a token, v vocabulary.
"""

import numpy as np
import tensorflow as tf

NOTHING = -2  # where no byte is; patterns have -1 there, which is like any byte and like none


class TokenBytes:
    """The bytes of each token.

    Args:
        tokenizer: a `tfzoo.tokenizers` tokenizer.
    """

    def __init__(self, tokenizer):
        tokens = [*tokenizer.token_bytes, b"", *tokenizer.first_bytes]
        self.num_tokens = tokenizer.vocabulary_size
        self.lengths = np.array([len(token) for token in tokens], np.int32)
        self.ends = np.cumsum(self.lengths, dtype=np.int32)
        self.values = np.frombuffer(b"".join(tokens) or b"\0", np.uint8)
        self.longest = int(self.lengths.max())

    def of(self, token_ids, is_first):
        """The bytes of tokens, int32 (b, n), behind -2 where there are fewer; their number, (b,).

        Args:
            token_ids: int32 (b,). Those behind the vocabulary have none.
            is_first: bool (b,). Whether a text starts with the token.
        """
        row = tf.minimum(token_ids, self.num_tokens)
        row += tf.where(is_first & (token_ids < self.num_tokens), self.num_tokens + 1, 0)
        lengths, ends = tf.gather(self.lengths, row), tf.gather(self.ends, row)
        from_end = tf.range(self.longest, 0, -1)
        places = tf.maximum(ends[:, None] - from_end, 0)
        found = tf.cast(tf.gather(self.values, places), tf.int32)
        return tf.where(from_end <= lengths[:, None], found, NOTHING), lengths


def patterns(texts) -> np.ndarray:
    """Texts as `Constraints.stop_patterns`, in a shape there are few of.

    Args:
        texts: list of lists of str, one a row.

    Returns:
        int32 (b, p, m).
    """
    rows = [[text.encode("utf-8", "replace") for text in row] for row in texts]
    most = max(map(len, rows), default=0)
    longest = max((len(text) for row in rows for text in row), default=0)
    shape = (len(rows), 1 << (most - 1).bit_length() if most else 0, -(-longest // 16) * 16)
    found = np.full(shape, -1, np.int32)
    for place, row in enumerate(rows):
        for number, text in enumerate(row):
            found[place, number, shape[2] - len(text) :] = np.frombuffer(text, np.uint8)
    return found


def cut(text: str, stops) -> str:
    """A text up to where the first of the stops begins."""
    return text[: min((at for at in map(text.find, stops) if at >= 0), default=len(text))]


def num_certain(text: str, stops) -> int:
    """Letters of a text with no stop in it that stay, whatever comes: no stop can begin in them."""
    longest = max(map(len, stops), default=0)
    for start in range(max(len(text) - longest + 1, 0), len(text)):
        if any(stop.startswith(text[start:]) for stop in stops):
            return start
    return len(text)


def nothing_written(constraints):
    """The newest bytes of rows that have none: int32 (b, max(m - 1, 1)); () without patterns."""
    if not constraints or constraints.stop_patterns.shape[1] == 0:
        return ()
    num_rows, _, longest = tf.unstack(tf.shape(constraints.stop_patterns))
    return tf.fill([num_rows, tf.maximum(longest - 1, 1)], NOTHING)


def written(newest, token_ids, constraints, token_bytes):
    """Adds a token to each row's newest bytes.

    Args:
        newest: from `nothing_written`, or from here.
        token_ids: int32 (b,).
        constraints: `Constraints` of these rows.
        token_bytes: `TokenBytes`.

    Returns:
        The newest bytes then, and whether the row ends by a text: bool (b,).
    """
    if isinstance(newest, tuple):
        return newest, tf.zeros_like(token_ids, tf.bool)

    def matched():
        return _matched(newest, token_ids, constraints, token_bytes)

    def none():
        return newest, tf.zeros_like(token_ids, tf.bool)

    return tf.cond(tf.size(constraints.stop_patterns) > 0, matched, none)


def _matched(newest, token_ids, constraints, token_bytes):
    is_first = ~constraints.is_continued & (newest[:, -1] == NOTHING)
    added, lengths = token_bytes.of(token_ids, is_first)
    both = _joined(newest, added, lengths)
    return both[:, token_bytes.longest :], _is_in(both, constraints.stop_patterns, added)


def is_stop_token(token_ids, constraints):
    """Whether tokens (b,) are among those that end their rows: bool (b,)."""
    if not constraints:
        return tf.zeros_like(token_ids, tf.bool)
    return tf.reduce_any(constraints.stop_token_ids == token_ids[:, None], axis=1)


def _joined(newest, added, lengths):
    """Moves the newest bytes to where those that are added begin: int32 (b, m - 1 + n)."""
    width, longest = tf.shape(newest)[1], tf.shape(added)[1]
    both = tf.concat([newest, added], 1)
    place = tf.range(width + longest)[None]
    absent = longest - lengths[:, None]
    is_old = place < width + absent
    source = tf.where(is_old, tf.maximum(place - absent, 0), place)
    moved = tf.gather(both, source, batch_dims=1)
    return tf.where(is_old & (place < absent), NOTHING, moved)


def _is_in(both, patterns, added):
    """Whether a pattern ends at one of the last n bytes: bool (b,)."""
    longest, num_ends = tf.shape(patterns)[2], tf.shape(added)[1]
    first = tf.shape(both)[1] - num_ends - longest + 1 + tf.range(num_ends)
    places = first[:, None] + tf.range(longest)  # (n, m)
    windows = tf.gather(both, places, axis=1)[:, None]  # (b, 1, n, m)
    patterns = patterns[:, :, None]  # (b, p, 1, m)
    same = tf.reduce_all((windows == patterns) | (patterns == -1), axis=-1)
    is_some = tf.reduce_any(patterns >= 0, axis=-1)
    return tf.reduce_any(same & is_some, axis=[1, 2])
