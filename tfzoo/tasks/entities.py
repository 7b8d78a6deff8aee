"""Named entities: spans of words that tags like B-PER and I-PER mark, and how many were found."""

import numpy as np
import tensorflow as tf

from tfzoo.tasks import scores


def marks(tag: str) -> bool:
    """Whether a tag marks a word of an entity."""
    return tag.startswith(("B-", "I-"))


def spans(tags: list[str]) -> set[tuple[int, int, str]]:
    """The entities of a sentence: (first word, one after the last, type).

    An entity begins at B-, and at I- where no entity of its type is open, as in the evaluation of
    CoNLL-2003 (Tjong Kim Sang and De Meulder, 2003, arXiv:cs/0306050); tags without B- or I- are
    outside.
    """
    found, open_type, first = set(), None, 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-") if marks(tag) else ("", "", None)
        goes_on = prefix == "I" and kind == open_type
        if open_type is not None and not goes_on:
            found.add((first, i, open_type))
            open_type = None
        if prefix in ("B", "I") and not goes_on:
            open_type, first = kind, i
    return found


def counts(labels, found, weights, names):
    """float32 (3,): entities that are there, that were found, and that are both, over a batch.

    Args:
        labels: int32 (b, t), tag of each word.
        found: int32 (b, t), likewise.
        weights: float32 (b, t), 0 at what is no word.
        names: strings, names of the tags.
    """

    def count(labels, found, weights):
        totals = np.zeros(3, np.float32)
        for row in range(len(labels)):
            words = weights[row] > 0
            there, here = (spans([names[i] for i in x[row][words]]) for x in (labels, found))
            totals += (len(there), len(here), len(there & here))
        return totals

    return tf.ensure_shape(tf.numpy_function(count, [labels, found, weights], tf.float32), [3])


def results(totals) -> dict[str, float]:
    """Precision, recall and F1 of entities, each right only if its words and its type are.

    Where none is there or none was found they are 0, as in the evaluation of CoNLL-2003.
    """
    there, found, both = totals
    return {
        "entity_precision": scores.mean(both, max(found, 1)),
        "entity_recall": scores.mean(both, max(there, 1)),
        "entity_f1": scores.mean(2 * both, max(there + found, 1)),
    }
