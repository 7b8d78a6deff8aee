"""How much memory the keys and values of what is read and written take."""

import math

import tensorflow as tf


def cache_bytes(model, num_rows: int, num_tokens: int, num_source_tokens: int = 0) -> int:
    """Bytes of a cache, which with the model's weights is nearly all that decoding keeps.

    A `Decoder` rounds rows up to a power of two, and tokens by `decoder.cache_length`; a search
    keeps a row for each beam. On a CPU a search, and what an encoder has read, take float32 instead
    of bfloat16. Between its calls it keeps a copy of the output kernel; for one row, or of a large
    model, one of all kernels.

    Args:
        model: a decoder or an encoder-decoder.
        num_rows: int.
        num_tokens: int, those that the decoder reads and writes.
        num_source_tokens: int, those that an encoder has read.
    """
    if model.kind == "encoder_decoder":
        memory = tf.zeros([1, 1, model.config.hidden_dim], model.compute_dtype)
        cache = model.new_cache(1, 1, memory, tf.constant([[True]]))
    else:
        cache = model.new_cache(1, 1)
    token, source_token = _bytes((cache.keys, cache.values)), _bytes(cache.memory)
    return num_rows * (num_tokens * token + num_source_tokens * source_token)


def _bytes(tensors):
    return sum(math.prod(x.shape) * x.dtype.size for x in tf.nest.flatten(tensors))
