"""The tokenizers of keras-hub as ours.

Text is cut into words as the published model cuts it. keras-hub's byte-level BPE does so for GPT-2
in `tf.data` alone: outside of it, its pattern is taken by the letter, and it joins bytes over the
borders of words where its merges have such pairs.
"""

import functools

from tfzoo.tokenizers import (
    PublishedTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordPieceTokenizer,
    folders,
    joining,
    pipelines,
)
from tfzoo.tokenizers import piece_model as pieces
from tfzoo.tokenizers.published.layout import template
from tfzoo.tokenizers.sentence_piece import NUM_SENTINELS
from tfzoo.tokenizers.word_piece import CONTINUED, SPECIAL_TOKENS

_NAMES = {  # in `tokenizer_config.json`, of keras-hub's attributes
    "end_token": ("eos_token",),
    "start_token": ("bos_token",),
    "pad_token": ("pad_token",),
    "mask_token": ("mask_token",),
}


def tokenizer_of(theirs, most_ids: int, fault) -> Tokenizer:
    """Our tokenizer that encodes as one of keras-hub.

    Special tokens have the same ids, but text never yields them.

    Args:
        theirs: a tokenizer of keras-hub.
        most_ids: int, rows of the model's table.
        fault: `CheckpointFolder.fault`.

    Raises:
        UsageError: if it is of a class that is not known, or encodes otherwise than ours can.
    """
    name = type(theirs).__name__
    if name not in _TOKENIZERS:
        raise fault(
            f"has a tokenizer of the class {name}, and known are {', '.join(_TOKENIZERS)}",
            "Give a preset with one of these",
        )
    try:
        return _TOKENIZERS[name](theirs, most_ids)
    except (ValueError, KeyError) as error:
        raise fault(
            f"has a {name} that is not known here: it {error}", "Save it again with the usual one"
        ) from error


def _byte_pair(theirs, most_ids, *, words=None, layout=None):
    """`words` makes a pipeline of vocabulary and merges; None: by the tokenizer's own pattern."""
    vocabulary = dict(theirs.vocabulary)
    merges = [line.split(" ") for line in theirs.merges if "#version:" not in line]
    if words is None:
        words = functools.partial(pipelines.by_pattern, pattern=theirs.split_pattern)
    made = words(vocabulary, merges, add_prefix_space=theirs.add_prefix_space)
    special = {*theirs.special_tokens, *theirs.unsplittable_tokens}
    return _published(theirs, made, {vocabulary[token]: token for token in special}, layout)


def _pieces_behind_start(theirs, most_ids):
    """Llama's and Mistral's: a text stands behind the start token."""
    _check_alone(theirs)
    model = pieces.PieceModel.parse(theirs.proto)
    if odd := [p.text for p in model.pieces if p.kind in (pieces.USER_DEFINED, pieces.UNUSED)]:
        raise ValueError(f"has a piece {odd[0]!r} that is user-defined or unused")
    made = pipelines.sentence_piece(model, [piece.text for piece in model.pieces])
    special = {
        n: piece.text
        for n, piece in enumerate(model.pieces)
        if piece.kind in (pieces.CONTROL, pieces.UNKNOWN)
    }
    return _published(theirs, made, special, _BEHIND_START)


def _published(theirs, made, special, layout):
    """Of a pipeline and the special tokens by id."""
    made["added_tokens"] = [pipelines.special_token(special[n], n) for n in sorted(special)]
    named = {
        name: getattr(theirs, attribute)
        for attribute, names in _NAMES.items()
        if getattr(theirs, attribute, None) is not None
        for name in names
    }
    if layout is not None:
        tokens = {"start": theirs.start_token, "separator": theirs.end_token}
        ids = {"start": theirs.start_token_id, "separator": theirs.end_token_id}
        made["post_processor"] = template(layout, tokens, ids)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **named,
    }
    return PublishedTokenizer(
        {
            "tokenizer.json": folders.to_json(made),
            "tokenizer_config.json": folders.to_json(config),
        }
    )


def _check_alone(theirs):
    for name in ("add_bos", "add_eos"):
        if getattr(theirs, name):
            raise ValueError(f"has {name}=True, and special tokens are set by who reads the ids")


def _t5_pieces(theirs, most_ids):
    """With T5's sentinels behind the pieces, if the model has rows for them."""
    _check_alone(theirs)
    room = most_ids - theirs.vocabulary_size()
    return SentencePieceTokenizer(theirs.proto, None if room >= NUM_SENTINELS else 0)


def _albert_pieces(theirs, most_ids):
    _check_alone(theirs)
    return SentencePieceTokenizer(theirs.proto, 0)


def _word_piece(theirs, most_ids):
    known = {"split": True, "suffix_indicator": CONTINUED, "special_tokens_in_strings": False}
    for name, value in known.items():
        if getattr(theirs, name) != value:
            raise ValueError(f"has {name}={getattr(theirs, name)!r}, and known is {value!r}")
    return WordPieceTokenizer(
        list(theirs.vocabulary),
        lowercase=theirs.lowercase,
        strip_accents=theirs.strip_accents,
        split_chinese=theirs.split_on_cjk,
        special=SPECIAL_TOKENS | {"unknown": theirs.oov_token},
    )


_BEHIND_START = joining.Layout(before=("start",), between=("start",), after=(), second_segment=1)
_gpt2 = functools.partial(_byte_pair, words=pipelines.gpt2, layout=_BEHIND_START)
_qwen = functools.partial(_byte_pair, words=pipelines.qwen2)
_TOKENIZERS = {
    "GPT2Tokenizer": _gpt2,
    "GPTNeoXTokenizer": _gpt2,
    "RobertaTokenizer": functools.partial(_gpt2, layout=joining.ROBERTA),
    "Llama3Tokenizer": functools.partial(_byte_pair, words=pipelines.llama3, layout=_BEHIND_START),
    "QwenTokenizer": _qwen,
    "Qwen3Tokenizer": _qwen,
    "MistralTekkenTokenizer": functools.partial(_byte_pair, layout=_BEHIND_START),
    "LlamaTokenizer": _pieces_behind_start,
    "MistralTokenizer": _pieces_behind_start,
    "BertTokenizer": _word_piece,
    "DistilBertTokenizer": _word_piece,
    "AlbertTokenizer": _albert_pieces,
    "T5Tokenizer": _t5_pieces,
}
