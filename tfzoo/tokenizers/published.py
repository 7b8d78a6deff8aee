"""Tokenizers as transformers saves them, read by the very engine that transformers has."""

import functools
import json
import re

import numpy as np
import tokenizers as hf

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders, published_files, published_layout
from tfzoo.tokenizers.byte_pair import WHITE_SPACE
from tfzoo.tokenizers.chat_template import ChatTemplate
from tfzoo.tokenizers.pieces import encode
from tfzoo.tokenizers.published_decoder import known_kinds, spelt, step_kinds
from tfzoo.tokenizers.tokenizer import Tokenizer

_BORDER = re.compile(f"(?<=[^{WHITE_SPACE}])(?= )")
_NO_BORDER = re.compile("(?!)")
_UNREACHABLE = " "  # Behind a token: no word of the model's holds a space.
_SENTINEL = re.compile("<extra_id_([0-9]+)>")
_REMEDY = (
    "Save it again with transformers' save_pretrained, and copy all files of the tokenizer here."
)
# Steps that leave a word nothing of what stands before the space before it.
_SPLITTERS = ("ByteLevel", "BertPreTokenizer", "Digits")
_CHARACTER_RULES = ("Precompiled", "Nmt", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase")
_KNOWN_WORDS = (  # Llama 3's; Qwen2's is the same but for numbers
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class PublishedTokenizer(Tokenizer):
    """What a `tokenizer.json` describes, its special tokens aside: text never yields one.

    The other added tokens are found in text, as in transformers. How texts are joined is what the
    post-processor says (`published_layout`); what ids stand for, the decoder, but that broken bytes
    become U+FFFD by Python's rule; transformers' `clean_up_tokenization_spaces` is not done.

    Args:
        files: dict from name to content, as transformers names them, `tokenizer.json` among them.
        roles: dict from role to token, or None for those of the files.
        end_of_text: int, or None. The id that ends a text, where the files do not name it.

    Raises:
        ValueError: if the files are broken, contradict each other, or say what is not known here.
    """

    kind = "published"

    def __init__(self, files: dict[str, bytes], roles=None, end_of_text: int | None = None):
        self.files = files
        self.description = found = published_files.describe(files, roles, end_of_text)
        self.pipeline = _as_configured(found.pipeline, found.config)
        layout, roles = published_layout.layout(
            self.pipeline.get("post_processor"), found.config, found.roles
        )
        decoder = known_kinds(self.pipeline.get("decoder"))
        self._fast = _engine(self.pipeline, found.special, found.added)
        id_of = {token: n for n, token in enumerate(found.tokens)}
        self._true_ids = _true_ids(self._fast, found, id_of)
        token_bytes, first_bytes = spelt(self._fast, decoder, found.tokens, found.special)
        super().__init__(
            token_bytes,
            special_tokens=roles,
            special_ids={role: id_of[token] for role, token in roles.items()},
            sentinels=_sentinels(found.special, id_of),
            first_bytes=first_bytes,
        )
        self.layout = layout
        self.is_lossless = _is_lossless(self.pipeline, decoder)
        self._border = _BORDER if _splits_at_spaces(self.pipeline, found) else _NO_BORDER
        self.chat_template = ChatTemplate.of(files, found)

    @property
    def opening(self):
        if self.layout.after:  # It is for whole texts.
            return []
        return [self.special_ids[role] for role in self.layout.before]

    @functools.cached_property
    def turn_ends(self) -> frozenset[int]:
        """The ids at any of which a reply in a chat ends: those of special tokens."""
        unknown = self.special_ids.get("unknown")
        special = (n for n, piece in enumerate(self.token_bytes) if not piece)
        return frozenset(n for n in special if n != unknown)

    @classmethod
    def train(cls, documents, vocabulary_size, progress=None, *, roles=()):
        """A published tokenizer is not made here.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "`--tokenizer` of the kind published cannot be trained: give its folder, or a kind."
        )

    @functools.cached_property
    def word_starts(self):
        kind = self.pipeline["model"]["type"]
        prefix = self.pipeline["model"].get("continuing_subword_prefix")
        if kind == "WordPiece" and prefix:
            return np.array([not token.startswith(prefix) for token in self.description.tokens])
        if step_kinds(self.pipeline.get("decoder")) == ["BPEDecoder"]:
            return super().word_starts
        return np.array([piece[:1] in b" \t\n\r" for piece in self.token_bytes])  # b"" too

    def safe_split(self, text, near):
        if near >= len(text) or self._border is _NO_BORDER:
            return super().safe_split(text, near)
        cut = text.rfind(b" ", 1, near + 1)
        while cut > 0 and not _ends_in_a_letter(text[max(0, cut - 4) : cut]):
            cut = text.rfind(b" ", 1, cut)
        return cut if cut > 0 else super().safe_split(text, near)

    def graph(self):
        from tfzoo.tokenizers.published_graph import graph  # TensorFlow only where it is needed

        return graph(self)

    def encode_chat(self, chat: str) -> list[int]:
        """The ids of a chat that `chat_template` rendered.

        What the template writes is read as transformers reads it, special tokens included; what
        somebody typed that looks like one, letter by letter.
        """
        ids = []
        for text, is_typed in self.chat_template.parts(chat):
            engine = self._plain if is_typed else self._whole
            ids += _continued(engine, text) if ids else _ids(engine, text)
        return ids

    @functools.cached_property
    def _whole(self):
        """The engine with all added tokens."""
        return _engine(self.pipeline, set(), self.description.added)

    @functools.cached_property
    def _plain(self):
        """The engine without any."""
        added = self.description.added
        return _engine(self.pipeline, {token["content"] for token in added}, added)

    def _encode(self, texts):
        rows = encode(self._fast, texts, self._border)
        if not self._true_ids:
            return rows
        return [[self._true_ids.get(i, i) for i in row] for row in rows]

    def _files(self):
        return self.files

    @classmethod
    def _read(cls, folder, special_tokens):
        try:
            ending = published_files.end_of_text_of_model(folder)
            return cls(published_files.read(folder), special_tokens or None, ending)
        except UsageError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fault = str(error) if type(error) is ValueError else f"is broken ({error!r})"
            raise folders.broken(folder, fault, _REMEDY) from error


def _ids(engine, text):
    return engine.encode(text, add_special_tokens=False).ids


def _continued(engine, text):
    """The ids of a text behind another: no space is set before it."""
    line, ids = _ids(engine, "\n"), _ids(engine, "\n" + text)
    return ids[len(line) :] if ids[: len(line)] == line else _ids(engine, text)


def _as_configured(pipeline, config):
    """The pipeline with what tokenizer_config.json says otherwise, as transformers has it."""
    names = {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "handle_chinese_chars",
    }
    normalizer, words = pipeline.get("normalizer"), pipeline.get("pre_tokenizer")
    if normalizer and normalizer.get("type") == "BertNormalizer":
        changes = {ours: config[name] for name, ours in names.items() if name in config}
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


def _engine(pipeline, special, added):
    """Hugging Face's engine: `special` tokens renamed, so that no text yields them."""
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
        engine = hf.Tokenizer.from_str(json.dumps(pipeline | changes))
    except Exception as error:  # The engine has no other.
        raise ValueError(f"has a tokenizer.json that cannot be read ({error})") from None
    model = pipeline["model"]
    if special and (model["type"] != "BPE" or model.get("ignore_merges")):
        _check_unreachable(engine)
    return engine


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


def _true_ids(engine, found, id_of) -> dict[int, int]:
    """The ids of the engine's that are others than the files': those of added tokens."""
    tokens = [token["content"] for token in found.added if not token["special"]]
    ids = {engine.token_to_id(token): id_of[token] for token in tokens}
    return {theirs: true for theirs, true in ids.items() if theirs != true}


def _sentinels(special, id_of):
    numbers = {int(found[1]): token for token in special if (found := _SENTINEL.fullmatch(token))}
    return [id_of[numbers[number]] for number in sorted(numbers)]


def _is_lossless(pipeline, decoder):
    words = pipeline.get("pre_tokenizer")
    is_bytes = decoder == ["ByteLevel"] and "ByteLevel" in step_kinds(words)
    return is_bytes and not pipeline.get("normalizer") and _adds_no_space(words)


def _adds_no_space(words):
    return '"add_prefix_space": true' not in json.dumps(words)


def _splits_at_spaces(pipeline, found) -> bool:
    """Whether a text may be cut before the space behind a letter without a change of its ids."""
    others = (token for token in found.added if not token["special"])
    if any(t["rstrip"] or t["single_word"] or " " in t["content"].strip(" ") for t in others):
        return False
    rules, words = step_kinds(pipeline.get("normalizer")), pipeline.get("pre_tokenizer")
    kinds, known = step_kinds(words), json.dumps(words)
    if kinds == ["WhitespaceSplit", "Metaspace"]:
        return '"always"' in known and all(rule in _CHARACTER_RULES for rule in rules)
    if rules not in ([], ["NFC"], ["BertNormalizer"]) or not kinds or not _adds_no_space(words):
        return False
    if kinds == ["Split", "ByteLevel"]:
        patterns = (_KNOWN_WORDS, _KNOWN_WORDS.replace("{1,3}", ""))
        return any(json.dumps(pattern) in known for pattern in patterns)
    return all(kind in _SPLITTERS for kind in kinds) and '"use_regex": false' not in known


def _ends_in_a_letter(before: bytes) -> bool:
    """Whether the last character of UTF-8 is whole and no white space."""
    text = before.decode("utf-8", "ignore")
    return bool(text) and before.endswith(text[-1].encode()) and not text[-1].isspace()
