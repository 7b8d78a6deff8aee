"""Which examples are for training and which for validation: near-duplicates go together."""

import hashlib
import unicodedata

TRAIN, VALIDATION = "train", "validation"
# The role whose text decides, unless another is named. A dialogue goes by how it opens.
SPLIT_BY = {
    "pairs": "source",
    "labelled": "text",
    "scored": "text",
    "tagged": "words",
    "dialogue": "turns",
}


def side(example: dict, kind: str, validation_fraction: float, split_by: str | None = None) -> str:
    """TRAIN or VALIDATION: a hash of the normalised text, the same wherever the example stands.

    Examples that differ in case, white space, digits or punctuation only are on one side,
    so that a model is not asked what it has been told.

    Args:
        example: as `ExampleSource` gives it.
        kind: kind of the source.
        validation_fraction: share held out, in [0, 1): that of the hashes, so about that of
            the examples.
        split_by: role whose text decides; None means the kind's own.
    """
    value = example[split_by or SPLIT_BY[kind]]
    if isinstance(value, list):
        value = value[0] if kind == "dialogue" else " ".join(value)
    digest = hashlib.blake2b(normalised(value).encode("utf-8", "replace"), digest_size=8).digest()
    return VALIDATION if int.from_bytes(digest) < validation_fraction * 2**64 else TRAIN


def normalised(text: str) -> str:
    """Its letters in small, apart by single spaces; of a text without letters, all but its spaces.

    Letters are what Unicode calls so, with their accents, in compatibility form (NFKC).
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.translate(LETTERS).split()) or "".join(text.split())


class _Letters(dict):
    """Code point to itself if it is a letter or a mark on one, else to that of a space."""

    def __missing__(self, code):
        self[code] = code if unicodedata.category(chr(code))[0] in "LM" else ord(" ")
        return self[code]


LETTERS = _Letters()
