"""Bytes as tokens: 256 ids for the bytes of UTF-8, one for end-of-text; nothing to learn."""

from tfzoo.tokenizers.specials import numbered, special_tokens
from tfzoo.tokenizers.tokenizer import Tokenizer


class BytesTokenizer(Tokenizer):
    """Each byte of the text is its own id; the special ids follow, end-of-text first.

    Args:
        special: dict from role to token, or None for end-of-text alone.
    """

    kind = "bytes"

    def __init__(self, special=None):
        special = special or special_tokens()
        ids = numbered(special, first=256)
        spelt = [bytes([value]) for value in range(256)] + [b""] * len(set(ids.values()))
        super().__init__(spelt, special, ids)

    @classmethod
    def train(cls, documents=(), vocabulary_size=257, progress=None, *, roles=()):
        """There is nothing to learn: no document is read; 256 ids, and one a special token."""
        return cls(special_tokens(roles))

    def graph(self):
        from tfzoo.tokenizers.graph import BytesGraph  # TensorFlow only where it is needed

        return BytesGraph(self.token_bytes)

    def _encode(self, texts):
        return [list(text.encode()) for text in texts]

    def _files(self):
        return {}

    @classmethod
    def _read(cls, folder, special):
        return cls(special)
