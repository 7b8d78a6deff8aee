"""The ids that end what a model writes: one for most, several for some that came from elsewhere."""

import tensorflow as tf


class Ends(int):
    """The id that ends a row, and others that end it too.

    It is an int wherever one id is wanted: what is written ends in it, whichever id was drawn.

    Attributes:
        others: tuple of int.
    """

    def __new__(cls, end_of_text: int, others=()):
        made = super().__new__(cls, end_of_text)
        made.others = tuple(others)
        return made

    @classmethod
    def of(cls, tokenizer, end_of_text: int | None = None):
        """Those of the model that a tokenizer came with.

        Args:
            tokenizer: a `tfzoo.tokenizers` tokenizer.
            end_of_text: int, the id where the tokenizer tells of no model; None: its end-of-text.
        """
        end = tokenizer.end_of_text if end_of_text is None else end_of_text
        ids = tokenizer.model_ends
        first = end if end in ids or not ids else ids[0]
        return cls(first, [i for i in ids if i != first])


def num_ends(end_of_text) -> int:
    """How many ids end a row, of an int or `Ends`."""
    return 1 + len(getattr(end_of_text, "others", ()))


def as_one(drawn, end_of_text):
    """Drawn ids, int32 of any shape; of several that end a row, the first stands for all.

    Args:
        end_of_text: int, or `Ends`.
    """
    others = getattr(end_of_text, "others", ())
    if not others:
        return drawn
    is_end = tf.reduce_any(drawn[..., None] == tf.constant(others, drawn.dtype), axis=-1)
    return tf.where(is_end, tf.constant(int(end_of_text), drawn.dtype), drawn)
