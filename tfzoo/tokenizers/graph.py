"""Tokenizers as TensorFlow ops, for SavedModels that take and give text."""

import abc

import numpy as np
import tensorflow as tf


def repair_utf8(strings):
    """Strings with U+FFFD for what is not UTF-8: as Python's errors="replace" has it."""
    return tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")


def byte_values(strings):
    """The bytes of strings [b], int32 [b, None]; in Latin-1 each byte is a letter."""
    return tf.strings.unicode_decode(strings, "ISO-8859-1")


class TokenizerGraph(tf.Module, abc.ABC):
    """A tokenizer in the graph; traceable in a tf.function, and saved with nothing but TF ops.

    Args:
        token_bytes: list of bytes, one an id.

    Attributes:
        tokenize: tf.function. From strings [b] to their ids, a RaggedTensor int32 [b, None],
            without end-of-text; what is not UTF-8 becomes U+FFFD first.
        detokenize: tf.function. From int32 ids, ragged or dense [b, t], to text [b], always valid
            UTF-8, special ids left out.
        continuation: tf.function. As `detokenize`, for ids that go on with a text: the space
            between the two, if there is one, comes first.
    """

    def __init__(self, token_bytes):
        super().__init__()
        self.token_bytes = tf.constant([*token_bytes, b""], tf.string)
        # Functions of bound methods: they keep the module alive in `tokenizer.graph().tokenize(x)`.
        self.tokenize = tf.function(self._tokenize, [tf.TensorSpec([None], tf.string)])
        self.detokenize = tf.function(self._detokenize, reduce_retracing=True)
        self.continuation = tf.function(self._joined, reduce_retracing=True)

    @abc.abstractmethod
    def _tokenize(self, strings):
        """The ids of strings [b], valid or not."""

    def _detokenize(self, ids):
        return self._joined(ids)

    def _joined(self, ids):
        """The bytes of ids, joined and repaired."""
        if isinstance(ids, tf.RaggedTensor):
            pieces = ids.with_flat_values(self._spelt(ids.flat_values))
        else:
            pieces = self._spelt(ids)
        return repair_utf8(tf.strings.reduce_join(pieces, axis=-1))

    def _spelt(self, ids):
        """The bytes of each id; b"" behind the vocabulary, where a model may have spare rows."""
        return tf.gather(self.token_bytes, tf.minimum(ids, len(self.token_bytes) - 1))


class BytesGraph(TokenizerGraph):
    """Each byte is its own id."""

    def _tokenize(self, strings):
        return byte_values(repair_utf8(strings))


class CharactersGraph(TokenizerGraph):
    """Each code point is its place in the sorted list of known ones; others share one id.

    Args:
        token_bytes: list of bytes, one an id.
        code_points: int [n], sorted.
        unknown: int. Id of every other code point.
    """

    def __init__(self, token_bytes, code_points, unknown):
        super().__init__(token_bytes)
        self.code_points = tf.constant(np.asarray(code_points), tf.int32)
        self.unknown = tf.constant(unknown, tf.int32)

    def _tokenize(self, strings):
        codes = tf.strings.unicode_decode(repair_utf8(strings), "UTF-8")
        places = tf.searchsorted(self.code_points, codes.values)
        nearest = tf.gather(self.code_points, tf.minimum(places, tf.size(self.code_points) - 1))
        return codes.with_values(tf.where(nearest == codes.values, places, self.unknown))
