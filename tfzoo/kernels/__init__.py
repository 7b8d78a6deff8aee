"""The fast pieces, each beside its plain TensorFlow form. `compiled()` chooses between the two."""

from tfzoo.kernels import streams
from tfzoo.kernels.attention import attention, attention_weights
from tfzoo.kernels.bfloat16 import multiplies_bfloat16
from tfzoo.kernels.cluster import compiled
from tfzoo.kernels.cross_entropy import cross_entropy
from tfzoo.kernels.dropout import stateless_dropout
from tfzoo.kernels.elementwise import (
    ACTIVATIONS,
    bias_activation,
    bias_add,
    bias_residual,
    gated_activation,
    wide_sum,
)
from tfzoo.kernels.embedding import embedding_lookup
from tfzoo.kernels.layer_norm import layer_norm
from tfzoo.kernels.product import product, turned
from tfzoo.kernels.rms_norm import rms_norm
from tfzoo.kernels.rotate import rotate
from tfzoo.kernels.write_columns import write_columns

__all__ = [
    "ACTIVATIONS",
    "attention",
    "attention_weights",
    "bias_activation",
    "bias_add",
    "bias_residual",
    "compiled",
    "cross_entropy",
    "embedding_lookup",
    "gated_activation",
    "layer_norm",
    "multiplies_bfloat16",
    "product",
    "rms_norm",
    "rotate",
    "stateless_dropout",
    "streams",
    "turned",
    "wide_sum",
    "write_columns",
]
