"""Bytes as tokens: 256 ids for the bytes of UTF-8, one for end-of-text; nothing to learn."""

from tfzoo.tokenizers.tokenizer import Tokenizer


class BytesTokenizer(Tokenizer):
    """Each byte of the text is its own id; 256 is end-of-text."""

    kind = "bytes"

    def __init__(self):
        super().__init__([bytes([value]) for value in range(256)] + [b""], end_of_text=256)

    @classmethod
    def train(cls, documents=(), vocabulary_size=257, progress=None):
        """There is nothing to learn: no document is read, and the vocabulary always has 257 ids."""
        return cls()

    def graph(self):
        from tfzoo.tokenizers.graph import BytesGraph  # TensorFlow only where it is needed

        return BytesGraph(self.token_bytes)

    def _encode(self, texts):
        return [list(text.encode()) for text in texts]

    def _files(self):
        return {}

    @classmethod
    def _read(cls, folder, special_tokens):
        return cls()
