"""A tokenizer's folder as transformers saves it: what its files say, and where they contradict.

Every fault is a `ValueError` that says what is wrong with which file.
"""

import dataclasses
import json
from pathlib import Path

from tfzoo.tokenizers import folders
from tfzoo.tokenizers.published.legacy import pipeline_of_files

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
ROLES_FILE = "special_tokens_map.json"
ADDED_FILE = "added_tokens.json"
TEMPLATE_FILE = "chat_template.jinja"
MODEL_FILE = "model_ids.json"  # Ours: what the model beside the tokenizer told.
FILES = (
    *(TOKENIZER_FILE, CONFIG_FILE, ROLES_FILE, ADDED_FILE, TEMPLATE_FILE),
    *("vocab.json", "merges.txt", "vocab.txt", "spiece.model", "tokenizer.model"),
)
_OF_MODEL = ("config.json", "generation_config.json")  # Where both tell, the second counts.
_IDS = ("eos_token_id", "decoder_start_token_id")
_MODELS = ("BPE", "WordPiece", "Unigram")
_NAMES = {  # of roles in the configuration, the one that counts first
    "end_of_text": ("eos_token",),
    "start": ("cls_token", "bos_token"),
    "separator": ("sep_token",),
    "padding": ("pad_token",),
    "mask": ("mask_token",),
}
_USUAL = {  # what plays a role that the configuration does not speak of
    "end_of_text": ("<|endoftext|>", "</s>", "[SEP]"),
    "start": ("[CLS]",),
    "separator": ("[SEP]",),
    "padding": ("[PAD]", "<pad>"),
    "mask": ("[MASK]", "<mask>"),
}
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
_MORE = ("additional_special_tokens", "extra_special_tokens")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """What the files of a published tokenizer say.

    Attributes:
        pipeline: dict, the content of `tokenizer.json`.
        config: dict, the content of `tokenizer_config.json`.
        tokens: list of str, one an id.
        added: list of dict, the added tokens in order of their ids, as `tokenizer.json` has them;
            "special" says whether text never yields them.
        roles: dict from role to token.
        named: dict, what the configuration calls the special tokens.
    """

    pipeline: dict
    config: dict
    named: dict
    tokens: list[str]
    added: list[dict]
    roles: dict[str, str]

    @property
    def special(self) -> set[str]:
        """The tokens that text never yields."""
        return {token["content"] for token in self.added if token["special"]}


def read(folder) -> dict[str, bytes]:
    """The files of a folder that are a tokenizer's, `tokenizer.json` made where there is none."""
    folder = Path(folder)
    names = [name for name in (*FILES, MODEL_FILE) if (folder / name).exists()]
    files = {name: folders.read_own(folder, name) for name in names}
    if TOKENIZER_FILE not in files:
        config = _parsed(files, CONFIG_FILE)
        files[TOKENIZER_FILE] = folders.to_json(pipeline_of_files(folder, config))
    if told := _ids_of_model(folder):
        files[MODEL_FILE] = folders.to_json(told)
    return files


def _ids_of_model(folder) -> dict:
    """What transformers' `generate` takes of the model beside the tokenizer: its ends and start."""
    configs = [folders.read_json(folder, x) for x in _OF_MODEL if (folder / x).exists()]
    told = [(name, x.get(name)) for x in configs if isinstance(x, dict) for name in _IDS]
    return {name: ids for name, ids in told if ids is not None}


def ids_of_model(files: dict[str, bytes]) -> tuple[tuple[int, ...], int | None]:
    """The ids at any of which the model ends what it writes, and the one that it starts with.

    Raises:
        ValueError: if they are no ids.
    """
    told = _parsed(files, MODEL_FILE)
    ends, start = (told.get(name) for name in _IDS)
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    for name, ids in zip(_IDS, (ends, [] if start is None else [start]), strict=True):
        if any(type(i) is not int or i < 0 for i in ids):
            raise ValueError(f"is of a model whose configuration has {name}={told[name]!r}, no id")
    return tuple(dict.fromkeys(ends)), start


def describe(files: dict[str, bytes], roles=None, end_of_text: int | None = None) -> Description:
    """What the files say.

    Args:
        files: dict from name to content, as `read` gives.
        roles: dict from role to token, or None for those of the files.
        end_of_text: int, or None. The id that ends a text, where the files do not name it.

    Raises:
        ValueError: if a file is broken, or they contradict each other.
    """
    pipeline, config = _parsed(files, TOKENIZER_FILE), _parsed(files, CONFIG_FILE)
    vocabulary = _vocabulary(pipeline)
    added = _added(pipeline, config, _parsed(files, ADDED_FILE), vocabulary)
    tokens = _by_id(vocabulary, added)
    named = _parsed(files, ROLES_FILE) | config
    if roles is None:
        roles = _roles(named, tokens, added, end_of_text) | _unknown(pipeline, set(tokens))
        roles.setdefault("end_of_text", roles.get("separator", roles.get("unknown")))  # As GPT-1.
    if roles["end_of_text"] is None:
        raise ValueError(f"names no token for the end of a text: no eos_token in {CONFIG_FILE}")
    more = {content(token) for name in _MORE for token in _listed(config.get(name))}
    if lacking := sorted(more - set(tokens)):
        raise ValueError(_lacks(lacking[0], "extra_special_tokens"))
    added = _with_special(added, {*roles.values(), *more}, tokens)
    return Description(
        pipeline=pipeline,
        config=config,
        named=named,
        tokens=tokens,
        added=added,
        roles=_in_order(roles),
    )


def _parsed(files, name) -> dict:
    try:
        found = json.loads(files[name]) if name in files else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"has a {name} that is cut short, or no JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"has a {name} that is no JSON object")
    return found


def _vocabulary(pipeline) -> dict[str, int]:
    """The model's own tokens; the model's type is filled in where an old file leaves it out."""
    model = pipeline.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocabulary, dict | list):
        raise ValueError(f"has a {TOKENIZER_FILE} without a model and its vocabulary")
    if "type" not in model:
        model["type"] = "BPE" if "merges" in model else _type_of(vocabulary)
    if model["type"] not in _MODELS:
        known = ", ".join(_MODELS)
        raise ValueError(
            f"has a {TOKENIZER_FILE} of the model type {model['type']!r}, and known are {known}"
        )
    if isinstance(vocabulary, list):
        vocabulary = {text: n for n, (text, _) in enumerate(vocabulary)}
    if len(vocabulary) < len(model["vocab"]):
        raise ValueError(f"has a {TOKENIZER_FILE} whose vocabulary has a token twice")
    if not all(type(n) is int for n in vocabulary.values()):
        raise ValueError(f"has a {TOKENIZER_FILE} whose vocabulary is not from token to id")
    return vocabulary


def _type_of(vocabulary):
    return "Unigram" if isinstance(vocabulary, list) else "WordPiece"


def _added(pipeline, config, by_content, vocabulary) -> list[dict]:
    """The added tokens of all three files, in order of their ids."""
    decoder = config.get("added_tokens_decoder") or {}
    listed = [
        *(pipeline.get("added_tokens") or []),
        *({**token, "id": int(n)} for n, token in decoder.items()),
        *({"id": n, "content": content} for content, n in by_content.items()),
    ]
    found = {}
    for token in listed:
        flags = {name: bool(token.get(name)) for name in (*_FLAGS, "special")}
        place = {"id": token["id"], "content": token["content"]}
        known = found.setdefault(token["id"], place | flags)
        other = vocabulary.get(token["content"], token["id"])
        if known["content"] != token["content"] or other != token["id"]:
            raise ValueError(f"has files that disagree on the id of {token['content']!r}")
        known["special"] |= flags["special"]
        if not known["special"] and any(
            known[name] != token.get(name, known[name]) for name in _FLAGS
        ):
            raise ValueError(f"has files that disagree on where {token['content']!r} is found")
    return [found[n] for n in sorted(found)]


def _by_id(vocabulary, added) -> list[str]:
    """The tokens in order of their ids, which have no holes."""
    ids = vocabulary | {token["content"]: token["id"] for token in added}
    tokens = sorted(ids, key=ids.get)
    place = next((n for n, token in enumerate(tokens) if ids[token] != n), None)
    if place is not None:
        raise ValueError(
            f"has ids that are not 0, 1, 2, ... without holes or repetitions: no token has the id "
            f"{place}, or two have it"
        )
    return tokens


def _roles(named, tokens, added, end_of_text) -> dict[str, str]:
    """Role to token, as the configuration names them, or as they usually are called."""
    special = {token["content"] for token in added if token["special"]}
    known, roles = set(tokens), {}
    for role, names in _NAMES.items():
        found = [(name, content(named[name])) for name in names if named.get(name)]
        if found:
            name, roles[role] = found[0]
            if roles[role] not in known:
                raise ValueError(_lacks(roles[role], name))
        elif not any(name in named for name in names):
            usual = [token for token in _USUAL[role] if token in special]
            roles |= dict(zip([role], usual, strict=False))
    if not named.get("eos_token") and end_of_text is not None and end_of_text < len(tokens):
        roles["end_of_text"] = tokens[end_of_text]
    return roles


def _unknown(pipeline, tokens) -> dict[str, str]:
    """The token for what is unknown, if text may yield it: of bytes, nothing is unknown."""
    model, decoder = pipeline["model"], pipeline.get("decoder")
    token = model.get("unk_token")
    if model["type"] == "Unigram" and model.get("unk_id") is not None:
        token = model["vocab"][model["unk_id"]][0]
    is_bytes = isinstance(decoder, dict) and decoder.get("type") == "ByteLevel"
    return {"unknown": token} if token in tokens and not is_bytes else {}


def _lacks(token, name):
    return f"lacks the special token {token!r}, which {CONFIG_FILE} names as its {name}"


def content(token) -> str:
    """A token as the configuration has it: its name, or a dict with its name."""
    return token["content"] if isinstance(token, dict) else str(token)


def _listed(tokens) -> list:
    return list(tokens.values()) if isinstance(tokens, dict) else list(tokens or [])


def _with_special(added, special, tokens) -> list[dict]:
    """The added tokens, those of a role among them, and marked."""
    lacking = special - {token["content"] for token in added}
    flags = dict.fromkeys(_FLAGS, False)
    added = [t | {"special": t["special"] or t["content"] in special} for t in added]
    for n, token in enumerate(tokens):
        if token in lacking:
            added.append({"id": n, "content": token, **flags, "special": True})
    return sorted(added, key=lambda token: token["id"])


def _in_order(roles):
    return {role: roles[role] for role in ("end_of_text", "unknown", *_NAMES) if role in roles}
