"""What each head of a model reads, and how much of it: the attention weights of one text.

Shape letters: l layer, h head, t reading token, s token that is read.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfzoo import kernels
from tfzoo.errors import UsageError
from tfzoo.tasks import sequences


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionMaps:
    """The weights of all layers' attention of one kind.

    Attributes:
        name: str, "encoder", "decoder" or "cross".
        readers: list of str, t. The tokens that read, as `shown` shows them.
        read: list of str, s. The tokens that are read.
        weights: float32 (l, h, t, s), of which each row sums to 1.
    """

    name: str
    readers: list[str]
    read: list[str]
    weights: np.ndarray


def attention_maps(model, tokenizer, text, *, text_pair=None, target_text=None):
    """The weights that a model reads a text with, from its own forward pass.

    An encoder reads the text with its special tokens, a decoder an end-of-text and the text; one
    that has heads, such as for classes, reads the text as the encoder does. An encoder-decoder
    reads the text, then writes the target after its start token.

    Args:
        model: `models.Model`.
        tokenizer: `tokenizers.Tokenizer`.
        text: str or bytes.
        text_pair: the same, or None: the second text of a pair, after the first.
        target_text: the same, or None: what an encoder-decoder writes.

    Returns:
        List of `AttentionMaps`: of an encoder-decoder three, else one.

    Raises:
        UsageError: for a text that is longer than the model's context, a pair or a target that the
            model has no use for, or no target where one is written.
    """
    _check_kind(model, text_pair, target_text)
    joined = _joined(model, tokenizer, text, text_pair)
    _check_length(model, joined.token_ids, "--text")
    names = shown(tokenizer, joined.token_ids)
    token_ids = tf.constant([joined.token_ids], tf.int32)
    if model.kind != "encoder_decoder":
        segments = {"segment_ids": tf.constant([joined.segment_ids], tf.int32)}
        with kernels.attention_weights() as weights:
            model.hidden_states(token_ids, **(segments if model.kind == "encoder" else {}))
        return [_maps(model.kind, names, names, weights)]
    target_ids = [sequences.start_id(tokenizer), *tokenizer.encode_batch([target_text])[0]]
    _check_length(model, target_ids, "--target_text")
    written = shown(tokenizer, target_ids)
    with kernels.attention_weights() as weights:
        model.hidden_states(token_ids, tf.constant([target_ids], tf.int32))
    first = len(model.encoder.blocks)  # Then each block reads what is written, and the text.
    return [
        _maps("encoder", names, names, weights[:first]),
        _maps("decoder", written, written, weights[first::2]),
        _maps("cross", written, names, weights[first + 1 :: 2]),
    ]


def shown(tokenizer, token_ids) -> list[str]:
    """Each token as a reader can tell it: spaces and line breaks seen, special tokens by name."""
    special = {tokenizer.special_ids[role]: name for role, name in tokenizer.special_tokens.items()}
    special |= {token: f"<extra_id_{i}>" for i, token in enumerate(tokenizer.sentinels)}
    return [
        special.get(token) or _visible(tokenizer.token_bytes[token]) or f"<{token}>"
        for token in token_ids
    ]


def _visible(spelt):
    text = spelt.decode("utf-8", "backslashreplace")  # A token may be a part of a character.
    seen = {" ": "␣", "\n": "⏎", "\t": "⇥"}
    return "".join(seen.get(x) or (x if x.isprintable() else f"\\x{ord(x):02x}") for x in text)


def _joined(model, tokenizer, text, text_pair):
    if model.kind != "decoder" or model.heads or text_pair is not None:
        return tokenizer.join(text, text_pair)
    token_ids = [tokenizer.end_of_text, *tokenizer.encode_batch([text])[0]]
    return tokenizer.join_ids(token_ids)._replace(token_ids=token_ids)


def _maps(name, readers, read, weights):
    weights = np.concatenate([tf.cast(layer, tf.float32).numpy() for layer in weights])
    return AttentionMaps(name=name, readers=readers, read=read, weights=weights)


def _check_kind(model, text_pair, target_text):
    writes = model.kind == "encoder_decoder"
    if writes and target_text is None:
        raise UsageError("Give --target_text too: what the model's decoder writes of --text.")
    if not writes and target_text is not None:
        raise UsageError(
            "--target_text is for an encoder-decoder, and this model is none. Leave it out."
        )
    if model.kind == "decoder" and text_pair is not None and not model.heads:
        raise UsageError(
            "--text_pair is for a model that tells pairs of texts apart; this one continues one "
            "text. Give all of it as --text."
        )


def _check_length(model, token_ids, flag):
    most = model.config.max_sequence_length
    if len(token_ids) > most:
        raise UsageError(
            f"{flag} must have at most {most} tokens, the model's context, special ones included. "
            f"Received: {len(token_ids)} tokens"
        )
