"""The keys and values of the tokens read so far: a new token costs a pass of one token."""

import tensorflow as tf

from tfzoo import kernels
from tfzoo.kernels.attention import folded, num_columns


class KeyValueCache:
    """What each attention layer of a decoder has read.

    A plain record of tensors: reading on replaces its attributes. In a loop of a graph, build it
    anew from the loop's variables in the body.

    Attributes:
        keys: list, one a layer, of float (b, h, s, d), or of what else `kernels.attention` reads.
        values: list, as `keys`.
        index: int32 scalar, the column of the next token.
        memory: tuple, one item a layer, of what cross-attention reads, made once: a pair of keys
            and values, float (b, h, s, d) each. Empty in a decoder that reads no memory.
        memory_mask: bool (b, s), True at tokens of the memory; None means no padding there.
    """

    def __init__(self, keys, values, index, memory=(), memory_mask=None):
        self.keys, self.values, self.index = list(keys), list(values), index
        self.memory, self.memory_mask = tuple(memory), memory_mask

    def layer(self, number):
        """The part of one attention layer."""
        return LayerCache(self, number)

    @property
    def length(self):
        """int or int32 scalar: the columns of the cache, filled or not."""
        return num_columns(self.keys[0])


class LayerCache:
    """One attention layer's part of a `KeyValueCache`."""

    def __init__(self, cache, number):
        self._cache, self._number = cache, number

    @property
    def index(self):
        return self._cache.index

    @property
    def memory(self):
        """Keys and values of the memory, float (b, h, s, d) each."""
        return self._cache.memory[self._number]

    @property
    def memory_mask(self):
        return self._cache.memory_mask

    def append(self, keys, values):
        """Writes the new tokens' columns and returns all of them.

        Args:
            keys, values: float (b, h, t, d) of the new tokens.

        Returns:
            keys, values: float (b, h, s, d) of all columns, or as the cache has them.
        """
        cache, number = self._cache, self._number
        keys, values = (_like(cache.keys[number], x) for x in (keys, values))
        cache.keys[number] = kernels.write_columns(cache.keys[number], keys, cache.index)
        cache.values[number] = kernels.write_columns(
            cache.values[number], values, cache.index, of_values=True
        )
        return cache.keys[number], cache.values[number]


def _like(held, new):
    """New columns in the dtype of those that are held, and `folded` if these are."""
    held = held[0] if isinstance(held, tuple) else held
    if held.dtype == tf.uint32:
        return new
    is_folded = held.shape[0] == 2 and new.shape[0] == 1
    return tf.cast(folded(new) if is_folded else new, held.dtype)
