"""A tokenizer as transformers reads it: `tokenizer.json` and what names its special tokens."""

import json
import os
from pathlib import Path

from absl import logging

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders, joining, pipelines
from tfzoo.tokenizers import piece_model as pieces
from tfzoo.tokenizers.published import files as published_files
from tfzoo.tokenizers.published.layout import template

_UNKNOWN_CHARACTER = {"unknown": "<unk>"}  # `characters` has it without a name
_NAMES = {
    "end_of_text": ("eos_token",),
    "unknown": ("unk_token",),
    "start": ("bos_token", "cls_token"),
    "separator": ("sep_token",),
    "padding": ("pad_token",),
    "mask": ("mask_token",),
}


def write_tokenizer(tokenizer, folder, ends_texts: bool = False) -> None:
    """Writes files with which transformers' AutoTokenizer encodes as our tokenizer does.

    Unlike ours, it finds special tokens in text, where not told `split_special_tokens=True`; and
    its engine rewrites some combining characters otherwise than SentencePiece does. A tokenizer
    that was read is written with the files that it was read from.

    Beside the config.json of a Qwen2, AutoTokenizer takes any tokenizer for Qwen2's: warns of it.

    Args:
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        folder: path of a folder that is there.
        ends_texts: bool. Whether end-of-text is set behind a text, where the kind does not set
            special tokens around it in any case: for a decoder with a head that reads whole texts.

    Raises:
        UsageError: if a SentencePiece model has pieces that transformers' engine has not.
    """
    files = {n: x for n, x in tokenizer.vocabulary_files.items() if n in published_files.FILES}
    if tokenizer.kind != "published":
        files = files | _described(tokenizer, ends_texts)
        _warn_beside_qwen2(Path(folder))
    for name, content in files.items():
        with open(Path(folder) / name, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _warn_beside_qwen2(folder) -> None:
    path = folder / "config.json"
    if path.exists() and json.loads(path.read_bytes()).get("model_type") == "qwen2":
        logging.warning(
            "%s: transformers' AutoTokenizer cuts text as Qwen2 does, whatever the folder of a "
            "qwen2 model says. This tokenizer is not Qwen2's: load it with "
            "PreTrainedTokenizerFast.from_pretrained, which reads tokenizer.json.",
            folder,
        )


def _described(tokenizer, ends_texts) -> dict[str, bytes]:
    made = _PIPELINES[tokenizer.kind](tokenizer)
    tokens = _UNKNOWN_CHARACTER | tokenizer.special_tokens
    tokens = {role: token for role, token in tokens.items() if role in tokenizer.special_ids}
    ids = tokenizer.special_ids
    special = {ids[role]: token for role, token in tokens.items()} | _sentinels(tokenizer)
    made["added_tokens"] = [pipelines.special_token(special[n], n) for n in sorted(special)]
    frames = tokenizer.layout.before or tokenizer.kind == "sentence_piece" or ends_texts
    layout = tokenizer.layout if frames else joining.NOTHING
    made["post_processor"] = template(layout, tokens, ids)
    return {
        "tokenizer.json": folders.to_json(made),
        "tokenizer_config.json": folders.to_json(_config(tokenizer, tokens)),
    }


def _config(tokenizer, tokens) -> dict:
    named = {name: token for role, token in tokens.items() for name in _NAMES[role]}
    sentinels = list(_sentinels(tokenizer).values())
    found = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **named,
    }
    if tokenizer.layout.second_segment:
        found["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    own = json.loads(tokenizer.vocabulary_files.get("tokenizer_config.json", "{}"))
    return own | found | ({"additional_special_tokens": sentinels} if sentinels else {})


def _sentinels(tokenizer) -> dict[int, str]:
    """Id to token: of those that are pieces, as they are written there."""
    if not tokenizer.sentinels:
        return {}
    texts = [piece.text for piece in pieces.PieceModel.parse(tokenizer.model).pieces]
    names = {n: f"<extra_id_{number}>" for number, n in enumerate(tokenizer.sentinels)}
    return {n: texts[n] if n < len(texts) else name for n, name in names.items()}


def _byte_pair(tokenizer):
    return pipelines.gpt2(tokenizer.vocabulary, tokenizer.merges)


def _word_piece(tokenizer):
    return pipelines.word_piece(
        {token: n for n, token in enumerate(tokenizer.tokens)},
        tokenizer.special_tokens["unknown"],
        tokenizer.lowercase,
        tokenizer.strip_accents,
        tokenizer.split_chinese,
    )


def _sentence_piece(tokenizer):
    model = pieces.PieceModel.parse(tokenizer.model)
    odd = [p.text for p in model.pieces if p.kind in (pieces.USER_DEFINED, pieces.UNUSED)]
    if odd:
        raise UsageError(
            f"--model_dir: the tokenizer's piece {odd[0]!r} is user-defined or unused, and "
            "transformers' engine has no such pieces. Its .model file may be copied as it is."
        )
    texts = [piece.text for piece in model.pieces]
    sentinels = _sentinels(tokenizer)
    texts += [sentinels[n] for n in range(len(texts), tokenizer.vocabulary_size)]
    return pipelines.sentence_piece(model, texts)


def _bytes(tokenizer):
    return pipelines.single_bytes()


def _characters(tokenizer):
    return pipelines.characters(tokenizer.characters, _UNKNOWN_CHARACTER["unknown"])


_PIPELINES = {
    "byte_pair": _byte_pair,
    "word_piece": _word_piece,
    "sentence_piece": _sentence_piece,
    "bytes": _bytes,
    "characters": _characters,
}
