"""WordPiece, BERT's (Devlin et al. 2019, section 3; Wu et al. 2016, section 4.1, arXiv:1609.08144).

The text is cleaned (control characters go), lower-cased and stripped of its accents if so wished,
and cut into words at white space, around each punctuation mark and around each Chinese character.
Each word is then spelt with the longest pieces of the vocabulary that fit, from the left; a piece
inside a word is written with ## before it.
"""

import functools
import re
from pathlib import Path

import numpy as np
import tokenizers as hf

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders, joining, word_piece_training
from tfzoo.tokenizers.pieces import encode
from tfzoo.tokenizers.tokenizer import Tokenizer, count_bytes

VOCABULARY_FILE = "vocab.txt"
CONFIG_FILE = "tokenizer_config.json"
CONTINUED = "##"
LONGEST_WORD = 100  # characters; longer words are unknown
SPECIAL_TOKENS = {  # in the order of their ids, when they are new
    "padding": "[PAD]",
    "unknown": "[UNK]",
    "start": "[CLS]",
    "separator": "[SEP]",
    "mask": "[MASK]",
    "end_of_text": "[SEP]",
}
_WHITE_SPACE = b" \t\n\r"  # of one byte; BERT takes other characters below U+0020 out of the text
_BORDER = re.compile("[ \t\n\r]")
_SAME = "The file is damaged, or not BERT's: copy it again from where it was made."


class WordPieceTokenizer(Tokenizer):
    """BERT's tokenizer: words without their case or accents, or with them, in pieces.

    A word that no pieces spell, or of more than 100 characters, is unknown as a whole. Decoding
    puts a space before each piece that begins a word, except before . , ! and ?, and leaves the
    special tokens out, the unknown one too.

    Args:
        tokens: list of str, one an id.
        lowercase: bool. If True, capitals are read as small letters.
        strip_accents: bool, or None for what `lowercase` says.
        split_chinese: bool. If True, each Chinese character is a word.
        special: dict from role to token, or None for BERT's own; `tokens` has them all.
    """

    kind = "word_piece"
    is_lossless = False

    def __init__(
        self, tokens, *, lowercase=True, strip_accents=None, split_chinese=True, special=None
    ):
        self.tokens = tokens
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.split_chinese = split_chinese
        special = special or SPECIAL_TOKENS
        left_out = set(special.values())
        super().__init__(
            [_spelt(token, first=False, left_out=left_out) for token in tokens],
            special,
            {role: tokens.index(token) for role, token in special.items()},
            first_bytes=[_spelt(token, first=True, left_out=left_out) for token in tokens],
        )
        self.layout = joining.BERT
        self._fast = hf.Tokenizer(
            hf.models.WordPiece(
                {token: n for n, token in enumerate(self.reachable_tokens())},
                unk_token=self.reachable_tokens()[self.special("unknown")],
                max_input_chars_per_word=LONGEST_WORD,
                continuing_subword_prefix=CONTINUED,
            )
        )
        self._fast.normalizer = self.normalizer()
        self._fast.pre_tokenizer = hf.pre_tokenizers.BertPreTokenizer()

    @classmethod
    def train(
        cls,
        documents,
        vocabulary_size,
        progress=None,
        *,
        roles=(),
        lowercase=True,
        strip_accents=None,
    ):
        """Learns pieces from the text: characters, then pairs of pieces, most frequent first.

        The special tokens are BERT's whatever `roles` says, and come first. Warns when the text has
        too few repeated pairs for as many ids as were asked for. Memory grows with the different
        words.

        Args:
            lowercase: bool. As for the class.
            strip_accents: bool, or None. As for the class.

        Raises:
            UsageError: if the text is empty, or `vocabulary_size` less than 9.
        """
        first = list(dict.fromkeys(SPECIAL_TOKENS.values()))
        if vocabulary_size < len(first) + 4:
            raise UsageError(
                f"`--vocabulary_size` must be at least {len(first) + 4} with --tokenizer="
                f"word_piece: {', '.join(first)} and a few characters. "
                f"Received: --vocabulary_size={vocabulary_size}"
            )
        options = {"lowercase": lowercase, "strip_accents": strip_accents}
        texts = count_bytes(documents, progress)
        words = word_piece_training.count_words(texts, normalizer(**options), _BORDER, LONGEST_WORD)
        pieces = word_piece_training.learn(words, vocabulary_size - len(first), CONTINUED)
        return cls(first + pieces, **options)

    def normalizer(self):
        """What becomes of a text before it is cut into words: a `tokenizers` normalizer."""
        return normalizer(self.lowercase, self.strip_accents, self.split_chinese)

    def reachable_tokens(self) -> list[str]:
        """The tokens, with the special ones written so that no word can be spelt with them."""
        special = set(self.special_tokens.values())
        return [token + "\n" if token in special else token for token in self.tokens]

    @functools.cached_property
    def word_starts(self):
        return np.array([not token.startswith(CONTINUED) for token in self.tokens])

    def safe_split(self, text, near):
        if near >= len(text):
            return super().safe_split(text, near)
        cut = max(text.rfind(bytes([space]), 1, near + 1) for space in _WHITE_SPACE)
        return cut if cut > 0 else super().safe_split(text, near)

    def graph(self):
        from tfzoo.tokenizers.word_piece_graph import WordPieceGraph  # TensorFlow only where needed

        return WordPieceGraph(self)

    def _encode(self, texts):
        return encode(self._fast, texts, _BORDER)

    def _files(self):
        config = {
            "do_lower_case": self.lowercase,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.split_chinese,
            "tokenizer_class": "BertTokenizer",
        }
        return {
            VOCABULARY_FILE: "".join(f"{token}\n" for token in self.tokens).encode(),
            CONFIG_FILE: folders.to_json(config),
        }

    @classmethod
    def _read(cls, folder, special):
        special = special or SPECIAL_TOKENS
        tokens = folders.read_text(folder, VOCABULARY_FILE).removesuffix("\n").split("\n")
        tokens = [token.removesuffix("\r") for token in tokens]
        fault = _fault_of(tokens, special)
        if fault:
            raise folders.broken(folder, f"has a {VOCABULARY_FILE} {fault}", _SAME)
        return cls(tokens, **_options(folder, tokens, special), special=special)


def normalizer(lowercase=True, strip_accents=None, split_chinese=True):
    """BERT's normalizer, of `tokenizers`; the arguments are those of `WordPieceTokenizer`."""
    return hf.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )


def _spelt(token, *, first, left_out) -> bytes:
    """What a token adds to a text, by the decoder of `tokenizers`; the first gets no space."""
    if token in left_out:
        return b""
    spelt = _DECODER.decode([token] if first else ["a", token])
    return spelt.encode() if first else spelt[1:].encode()


_DECODER = hf.decoders.WordPiece(prefix=CONTINUED, cleanup=True)


def _options(folder, tokens, special) -> dict:
    """How the text is to be read: as the folder's configuration says, or the tokens' letters."""
    plain = (token for token in tokens if token not in special.values() and token[:1] != "[")
    found = {"do_lower_case": not any(re.search("[A-Z]", token) for token in plain)}
    if (Path(folder) / CONFIG_FILE).exists():
        config = folders.read_json(folder, CONFIG_FILE)
        if not isinstance(config, dict):
            raise folders.broken(folder, f"has a {CONFIG_FILE} that is not an object", _SAME)
        found |= config
    options = {
        "lowercase": found["do_lower_case"],
        "strip_accents": found.get("strip_accents"),
        "split_chinese": found.get("tokenize_chinese_chars", True),
    }
    switches = [options["lowercase"], options["strip_accents"] or False, options["split_chinese"]]
    if not all(isinstance(switch, bool) for switch in switches):
        raise folders.broken(folder, f"has a {CONFIG_FILE} with switches not true or false", _SAME)
    return options


def _fault_of(tokens, special) -> str | None:
    lacking = sorted(set(special.values()) - set(tokens))
    if lacking:
        return f"without the special token {lacking[0]}"
    for number, token in enumerate(tokens, 1):
        if token == "" or "\0" in token:
            return f"whose line {number} {'holds a NUL' if token else 'is empty'}"
    if len(set(tokens)) < len(tokens):
        twice = next(token for n, token in enumerate(tokens) if token in tokens[:n])
        return f"where {twice!r} comes twice"
    return None
