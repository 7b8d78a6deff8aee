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


def all_ends(end_of_text) -> list[int]:
    """The ids that end a row, of an int or `Ends`."""
    return [int(end_of_text), *getattr(end_of_text, "others", ())]


def is_one_of(drawn, end_of_text):
    """Whether ids, int32 of any shape, are among those that end a row."""
    ends = tf.constant(all_ends(end_of_text), drawn.dtype)
    return tf.reduce_any(drawn[..., None] == ends, axis=-1)
