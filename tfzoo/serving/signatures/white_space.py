"""White space as Python's `str.strip` and `str.split` know it, for TensorFlow's expressions."""

import tensorflow as tf

from tfzoo.tokenizers.graph import repair_utf8

_RANGES = ((0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680))
_RANGES += ((0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F))
_RANGES += ((0x3000, 0x3000),)
SPACES = "[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in _RANGES) + "]+"


def stripped(texts):
    """Texts of any shape, made valid, without the white space at their ends."""
    return tf.strings.regex_replace(repair_utf8(texts), rf"\A{SPACES}|{SPACES}\z", "")


def words(texts):
    """What stands between white space: ragged strings (b, None) of texts (b,)."""
    return tf.strings.split(tf.strings.regex_replace(stripped(texts), SPACES, " "))
