"""Tokenizers as transformers saves them, read by the very engine that transformers has."""

import functools
import re

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders
from tfzoo.tokenizers.chat_template import ChatTemplate
from tfzoo.tokenizers.pieces import encode
from tfzoo.tokenizers.published import files as saved
from tfzoo.tokenizers.published import layout as layouts
from tfzoo.tokenizers.published import words
from tfzoo.tokenizers.published.decoder import known_kinds, spelt, step_kinds
from tfzoo.tokenizers.published.engine import as_configured, engine, true_ids
from tfzoo.tokenizers.published.graph import counterpart, graph
from tfzoo.tokenizers.tokenizer import Tokenizer

_SENTINEL = re.compile("<extra_id_([0-9]+)>")
_REMEDY = (
    "Save it again with transformers' save_pretrained, and copy all files of the tokenizer here."
)


class PublishedTokenizer(Tokenizer):
    """What a `tokenizer.json` describes, its special tokens aside: text never yields one.

    The other added tokens are found in text, as in transformers. How texts are joined is what the
    post-processor says (`published.layout`); what ids stand for, the decoder, but that broken bytes
    become U+FFFD by Python's rule; transformers' `clean_up_tokenization_spaces` is not done.

    Some classes of transformers 5 leave out steps of the file: GPT2Tokenizer the digits of SmolLM,
    LlamaTokenizer the space before a text that begins with one. Here the file counts, as it did
    when those models learnt.

    Args:
        files: dict from name to content, as transformers names them, `tokenizer.json` among them.
        roles: dict from role to token, or None for those of the files.

    Raises:
        ValueError: if the files are broken, contradict each other, or say what is not known here.
    """

    kind = "published"

    def __init__(self, files: dict[str, bytes], roles=None):
        self.files = files
        self.model_ends, self.model_start = saved.ids_of_model(files)
        ending = next(iter(self.model_ends), None)
        self.description = found = saved.describe(files, roles, ending)
        self.pipeline = as_configured(found.pipeline, found.config)
        layout, roles = layouts.layout(
            self.pipeline.get("post_processor"), found.config, found.roles
        )
        decoder = known_kinds(self.pipeline.get("decoder"))
        self._fast = engine(self.pipeline, found.special, found.added)
        id_of = {token: n for n, token in enumerate(found.tokens)}
        self._true_ids = true_ids(self._fast, found, id_of)
        token_bytes, first_bytes = spelt(self._fast, decoder, found.tokens, found.special)
        super().__init__(
            token_bytes,
            special_tokens=roles,
            special_ids={role: id_of[token] for role, token in roles.items()},
            sentinels=_sentinels(found.special, id_of),
            first_bytes=first_bytes,
        )
        self.layout = layout
        self.is_lossless = words.is_lossless(self.pipeline, found)
        self._border = words.border(self.pipeline, found)
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
        if near >= len(text) or self._border is words.NO_BORDER:
            return super().safe_split(text, near)
        return words.last_border(text, near) or super().safe_split(text, near)

    def graph(self):
        return graph(self)

    def check_graph(self):
        counterpart(self)

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
        return engine(self.pipeline, set(), self.description.added)

    @functools.cached_property
    def _plain(self):
        """The engine without any."""
        added = self.description.added
        return engine(self.pipeline, {token["content"] for token in added}, added)

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
            return cls(saved.read(folder), special_tokens or None)
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


def _sentinels(special, id_of):
    numbers = {int(found[1]): token for token in special if (found := _SENTINEL.fullmatch(token))}
    return [id_of[numbers[number]] for number in sorted(numbers)]
