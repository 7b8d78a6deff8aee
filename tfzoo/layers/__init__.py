"""Layers: tensors in, tensors out. They work in anybody's Keras model, and with its masks."""

from tfzoo.layers.attention import MultiHeadSelfAttention
from tfzoo.layers.block import Block, TransformerBlock
from tfzoo.layers.cache import KeyValueCache
from tfzoo.layers.dropout import Dropout, dropout_seed
from tfzoo.layers.embedding import TokenEmbedding
from tfzoo.layers.feed_forward import FeedForward, GatedFeedForward
from tfzoo.layers.normalization import LayerNormalization, RMSNormalization
from tfzoo.layers.position import PositionalEncoding, PositionEmbedding
from tfzoo.layers.projection import Projection
from tfzoo.layers.rotary import RotaryEmbedding
from tfzoo.layers.weights import in_place_of, is_kernel, recomputed, weights_at_hand

__all__ = [
    "Block",
    "Dropout",
    "FeedForward",
    "GatedFeedForward",
    "KeyValueCache",
    "LayerNormalization",
    "MultiHeadSelfAttention",
    "PositionEmbedding",
    "PositionalEncoding",
    "Projection",
    "RMSNormalization",
    "RotaryEmbedding",
    "TokenEmbedding",
    "TransformerBlock",
    "dropout_seed",
    "in_place_of",
    "is_kernel",
    "recomputed",
    "weights_at_hand",
]
