"""Matrix products of bfloat16, also where the machine has none."""

import functools

import tensorflow as tf

from tfzoo.kernels import cpu
from tfzoo.kernels.cluster import is_here, is_whole

_GPU_CAPABILITY = (8, 0)  # NVIDIA's Ampere, the first with products of bfloat16.


@functools.cache
def multiplies_bfloat16() -> bool:
    """Tells whether the devices that train multiply in bfloat16 faster than in float32.

    Processors without products of bfloat16 emulate them. A Xeon with avx512_bf16 and without AMX
    took 1.7 times as long for them as for float32; other makers' were not measured.
    """
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if gpus:
        return all(d.get("compute_capability", (0, 0)) >= _GPU_CAPABILITY for d in details)
    features = cpu.features()
    return "amx_bf16" in features or ("avx512_bf16" in features and cpu.vendor() != "GenuineIntel")


def product_dtype(dtype) -> tf.DType:
    """What products of `dtype` are computed in here: float32 in place of bfloat16 that is slower.

    XLA emulates it on every CPU: its programs would hold each weight a second time, in float32.
    A weight that is cast to this dtype, and not to `dtype`, spares passes over large matrices, and
    is not rounded.
    """
    dtype = tf.as_dtype(dtype)
    if dtype != tf.bfloat16 or not is_here():
        return dtype
    by_xla_on_a_cpu = is_whole() and not tf.config.list_physical_devices("GPU")
    return tf.float32 if by_xla_on_a_cpu or not multiplies_bfloat16() else dtype


def matmul(a, b, *, transpose_a=False, transpose_b=False):
    """`a b`, as `tf.matmul`, in the dtype of a, computed in its `product_dtype`.

    Sums are of float32 in any case, and rounded once.
    """
    dtype = product_dtype(a.dtype)
    operands = (tf.cast(a, dtype), tf.cast(b, dtype)) if dtype != a.dtype else (a, b)
    product = tf.matmul(*operands, transpose_a=transpose_a, transpose_b=transpose_b)
    return tf.cast(product, a.dtype)
