"""SentencePiece as TensorFlow ops: the very library of the fast face, built into TensorFlow Text.

Never TensorFlow Text's FastSentencepieceTokenizer, which gives other ids.
"""

import hashlib

import tensorflow as tf
from tensorflow_text import SentencepieceTokenizer

from tfzoo.tokenizers.graph import TokenizerGraph, repair_utf8


class SentencePieceGraph(TokenizerGraph):
    """The graph face of a `SentencePieceTokenizer`; exact on every string.

    Args:
        token_bytes: list of bytes, one an id.
        model: bytes. The content of a model file.
        adds_space: bool. Whether the model sets a space before a text, which decoding takes away.
    """

    def __init__(self, token_bytes, model, adds_space):
        super().__init__(token_bytes)
        self.pieces = named_apart(model)
        self._adds_space = adds_space

    def _tokenize(self, strings):
        return self.pieces.tokenize(repair_utf8(strings))

    def _detokenize(self, ids):
        texts = self._joined(ids)
        if not self._adds_space:
            return texts
        return tf.strings.regex_replace(texts, "^ ", "", replace_global=False)


def named_apart(model: bytes) -> SentencepieceTokenizer:
    """TensorFlow Text's tokenizer of a model file's content.

    A SavedModel that is loaded again keeps models by the names of their operations, so two of one
    name would be one: the name has to tell them apart.
    """
    name = f"pieces_{hashlib.sha256(model).hexdigest()[:16]}"
    return SentencepieceTokenizer(model=model, out_type=tf.int32, name=name)
