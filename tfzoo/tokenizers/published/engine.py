"""Hugging Face's engine for a `tokenizer.json`, such that no text yields a special token."""

import json

import tokenizers as hf

from tfzoo.tokenizers.published.decoder import step_kinds

_UNREACHABLE = " "  # Behind a token: no word of the model's holds a space.


_BERT = {  # in tokenizer_config.json, and in tokenizer.json
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


def as_configured(pipeline: dict, config: dict) -> dict:
    """The pipeline with what tokenizer_config.json says otherwise, as transformers has it.

    Raises:
        ValueError: if the two contradict each other.
    """
    normalizer, words = pipeline.get("normalizer"), pipeline.get("pre_tokenizer")
    if normalizer and normalizer.get("type") == "BertNormalizer":
        changes = {ours: config[name] for name, ours in _BERT.items() if name in config}
        pipeline = pipeline | {"normalizer": normalizer | changes}
    spaced = config.get("add_prefix_space")
    if spaced is not None and words and words.get("type") == "ByteLevel":
        pipeline = pipeline | {"pre_tokenizer": words | {"add_prefix_space": bool(spaced)}}
    if spaced is False and "Metaspace" in step_kinds(words):
        if '"prepend_scheme": "never"' not in json.dumps(words):
            raise ValueError(
                "has a tokenizer_config.json with add_prefix_space=false, and a tokenizer.json "
                "that sets a space before a text: they contradict each other"
            )
    return pipeline


def engine(pipeline: dict, special: set[str], added: list[dict]) -> hf.Tokenizer:
    """Hugging Face's engine: `special` tokens renamed, so that no text yields them.

    Args:
        pipeline: dict, the content of `tokenizer.json`.
        special: set of str.
        added: list of dict. The added tokens; those that are not special are found in text.

    Raises:
        ValueError: if the engine cannot do what the pipeline says, or not without special tokens.
    """
    _check_steps(pipeline, "normalizer", hf.normalizers)
    _check_steps(pipeline, "pre_tokenizer", hf.pre_tokenizers)
    if pipeline["model"].get("dropout"):
        raise ValueError("has a tokenizer.json with dropout, by which ids are left to chance")
    changes = {
        "truncation": None,
        "padding": None,
        "post_processor": None,
        "added_tokens": [token for token in added if token["content"] not in special],
        "model": _renamed(pipeline["model"], special),
    }
    try:
        made = hf.Tokenizer.from_str(json.dumps(pipeline | changes))
    except Exception as error:  # The engine has no other.
        raise ValueError(f"has a tokenizer.json that cannot be read ({error})") from None
    model = pipeline["model"]
    if special and (model["type"] != "BPE" or model.get("ignore_merges")):
        _check_unreachable(made)
    return made


def _check_steps(pipeline, name, room):
    for kind in step_kinds(pipeline.get(name)):
        if not hasattr(room, kind):
            raise ValueError(f"has a tokenizer.json with a {name} that is not known here: {kind}")


def _check_unreachable(engine):
    """That no word which the model gets holds a space."""
    text = "a b"
    if engine.normalizer is not None:
        text = engine.normalizer.normalize_str(text)
    words = [text]
    if engine.pre_tokenizer is not None:
        words = [word for word, _ in engine.pre_tokenizer.pre_tokenize_str(text)]
    if any(_UNREACHABLE in word for word in words):
        raise ValueError(
            "has a tokenizer.json whose words hold spaces, so that text may yield special tokens"
        )


def _renamed(model, special):
    def name(token):
        return token + _UNREACHABLE if token in special else token

    changes = {}
    if isinstance(model["vocab"], list):
        changes["vocab"] = [[name(token), score] for token, score in model["vocab"]]
    else:
        changes["vocab"] = {name(token): n for token, n in model["vocab"].items()}
    if model.get("unk_token"):
        changes["unk_token"] = name(model["unk_token"])
    return model | changes


def true_ids(engine, found, id_of) -> dict[int, int]:
    """The ids of the engine's that are others than the files': those of added tokens."""
    tokens = [token["content"] for token in found.added if not token["special"]]
    ids = {engine.token_to_id(token): id_of[token] for token in tokens}
    return {theirs: true for theirs, true in ids.items() if theirs != true}
