"""Relative positions as a bias of attention (Raffel et al., 2020, arXiv:1910.10683).

Section 2.1 there. Shape letters: h head, t query position, s key position.
"""

import keras
import numpy as np
import tensorflow as tf

from tfzoo import kernels


def distance_buckets(num_buckets, max_distance):
    """The bucket of each distance: its own while small, then logarithmically wider ones.

    Half of the buckets hold one distance each; the others grow up to `max_distance`, and the last
    one holds all that is farther.

    Args:
        num_buckets: int >= 2, of one direction.
        max_distance: int > num_buckets / 2.

    Returns:
        np.int32 (max_distance + 1,), of distances 0, 1, ..., `max_distance` or more.
    """
    exact = num_buckets // 2
    distance = np.arange(max_distance + 1)
    ratio = np.maximum(distance, 1).astype(np.float32) / np.float32(exact)
    growth = np.log(ratio) / np.float32(np.log(max_distance / exact))
    wide = exact + (growth * np.float32(num_buckets - exact)).astype(np.int32)
    buckets = np.where(distance < exact, distance, np.minimum(wide, num_buckets - 1))
    return buckets.astype(np.int32)


@keras.saving.register_keras_serializable(package="tfzoo")
class RelativePositionBias(keras.layers.Layer):
    """A learned number for each head and each bucket of `key position - query position`.

    Args:
        num_heads: int > 0, h.
        num_buckets: int >= 2; with `bidirectional`, an even number of at least 4.
        max_distance: int, from which on all distances share a bucket.
        bidirectional: bool. Whether later keys have buckets of their own (one half of them);
            otherwise they share that of distance 0.
        initializer: Keras initializer of the numbers.

    Call arguments:
        query_positions: int (t,).
        key_positions: int (s,).

    Returns:
        float32 (1, h, t, s), to be added to the products of queries and keys.

    Raises:
        ValueError: if the buckets are too few, or more than twice `max_distance`.
    """

    def __init__(
        self,
        num_heads,
        *,
        num_buckets=32,
        max_distance=128,
        bidirectional=True,
        initializer="uniform",
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        one_way = num_buckets // 2 if bidirectional else num_buckets
        if one_way < 2 or (bidirectional and num_buckets % 2) or max_distance <= one_way // 2:
            raise ValueError(
                "`num_buckets` must be at least 2 (an even 4 if `bidirectional`) and leave "
                "`max_distance` beyond the buckets of one distance. Received: "
                f"num_buckets={num_buckets}, max_distance={max_distance}."
            )
        self.num_heads = num_heads
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.initializer = keras.initializers.get(initializer)
        self._buckets = distance_buckets(one_way, max_distance)

    def build(self, query_positions_shape=None, key_positions_shape=None):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_buckets, self.num_heads),
            initializer=self.initializer,
        )

    def call(self, query_positions, key_positions):
        bias = kernels.embedding_lookup(
            self.embeddings.value, self.buckets(query_positions, key_positions)
        )
        return tf.transpose(bias, [2, 0, 1])[None]

    def buckets(self, query_positions, key_positions):
        """int32 (t, s), rows of the table: those of later keys come second."""
        ahead = tf.cast(key_positions, tf.int32) - tf.cast(query_positions, tf.int32)[:, None]
        distance = tf.abs(ahead) if self.bidirectional else tf.maximum(-ahead, 0)
        bucket = tf.gather(self._buckets, tf.minimum(distance, self.max_distance))
        if self.bidirectional:
            bucket += tf.where(ahead > 0, self.num_buckets // 2, 0)
        return bucket

    def compute_output_shape(self, query_positions_shape, key_positions_shape):
        return (1, self.num_heads, query_positions_shape[0], key_positions_shape[0])

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_buckets": self.num_buckets,
            "max_distance": self.max_distance,
            "bidirectional": self.bidirectional,
            "initializer": keras.initializers.serialize(self.initializer),
        }
