"""Small XLA clusters: what lies between two matrix products, compiled as one program.

TensorFlow's matrix products are the fastest there are on a CPU; the many small operations between
them are not. Inside `compiled()` each kernel of this folder runs as one XLA program forward and one
backward. Outside (the default: users' own `fit`, served signatures) it is plain TensorFlow.
"""

import contextlib
import functools
import os

import tensorflow as tf

from tfzoo.kernels import cpu

# TensorFlow 2.21's XLA builds these fusions when they run for the first time, and two branches that
# do so at once write to one list of constants: one start in dozens ended by a segmentation fault.
# Products have no constants.
_FUSIONS = "--xla_cpu_experimental_ynn_fusion_type="
# LLVM uses half of the registers' width, since the first processors that had it slowed down.
_WIDTH = "--xla_cpu_prefer_vector_width="


def _xla_flags(given: str, features) -> str:
    """XLA_FLAGS with ours, unless they say otherwise or are the name of a file."""
    if given and not given.lstrip().startswith("-"):
        return given
    ours = {_FUSIONS: "individual_dot"}
    if "avx512_bf16" in features:
        ours[_WIDTH] = "512"
    missing = [flag + value for flag, value in ours.items() if flag not in given]
    return " ".join([*missing, given]).strip()


os.environ["XLA_FLAGS"] = _xla_flags(os.environ.get("XLA_FLAGS", ""), cpu.features())

# Of the module, not of the thread: replicas are traced in threads of their own.
_enabled, _differentiable, _whole, _here = False, True, False, False


@contextlib.contextmanager
def compiled(enabled=True, *, gradients=True, whole=False, here=False):
    """While it lasts, kernels are traced as XLA clusters (or, with False, as plain TensorFlow).

    Args:
        enabled: bool. Enter it inside the Python function that is traced: each trace sees it.
        gradients: bool. Whether gradients may be taken of what is computed.
        whole: bool. Whether what is traced becomes one XLA program, its matrix products included.
        here: bool. Whether what is traced runs on this machine alone, as what is compiled always
            does: it may then compute in what this machine is fastest in.
    """
    global _enabled, _differentiable, _whole, _here
    before = _enabled, _differentiable, _whole, _here
    _enabled, _differentiable, _whole, _here = enabled, gradients, whole, enabled or here
    try:
        yield
    finally:
        _enabled, _differentiable, _whole, _here = before


def is_compiled():
    """Tells whether kernels are traced as XLA clusters at this moment."""
    return _enabled


def is_whole():
    """Tells whether what is traced at this moment becomes one XLA program."""
    return _whole


def is_here():
    """Tells whether what is traced at this moment runs on this machine alone."""
    return _here


def custom_gradient(function):
    """`tf.custom_gradient`; where no gradients may be taken, what the function returns first.

    TensorFlow keeps a graph that a custom gradient is in to the end of the process.
    """
    if _differentiable:
        return tf.custom_gradient(function)
    return lambda *tensors: function(*tensors)[0]


def program(function):
    """Compiles a function of tensors, and of hashable options, into one XLA program."""
    return tf.function(function, jit_compile=True, autograph=False)


def clustered(plain):
    """Gives a plain function its compiled form: one program forward, one backward.

    The backward program computes the plain function anew, so only its arguments are kept.

    Args:
        plain: function of tensors by position and of hashable options by name, returning a tensor.

    Returns:
        A function of the same signature that takes the form which `compiled()` asks for.
    """
    forward = program(plain)

    def vector_jacobian_product(tensors, upstream, **options):
        with tf.GradientTape() as tape:
            tape.watch([x for x in tensors if x.dtype.is_floating])
            y = plain(*tensors, **options)
        return tape.gradient(y, tensors, upstream)

    backward = program(vector_jacobian_product)

    @functools.wraps(plain)
    def kernel(*tensors, **options):
        if not _enabled:
            return plain(*tensors, **options)

        @custom_gradient
        def apply(*tensors):
            return forward(*tensors, **options), lambda dy: backward(tensors, dy, **options)

        return apply(*(tf.convert_to_tensor(x) for x in tensors))

    return kernel
