"""Byte-level byte pair encoding, GPT-2's (Radford et al. 2019, section 2.2; Sennrich et al. 2016).

The text is cut into words (a space stays with the word after it), the words into bytes, and the
bytes are joined by the merges that training found, those of lowest rank first.
"""

import functools
import itertools
import json
import re

import numpy as np
import tokenizers as hf
from absl import logging

from tfzoo.errors import UsageError
from tfzoo.tokenizers import merges as merge_files
from tfzoo.tokenizers.pieces import encode, pieces
from tfzoo.tokenizers.specials import special_tokens
from tfzoo.tokenizers.tokenizer import Tokenizer, count_bytes

WHITE_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # White_Space
_BORDER = re.compile(f"(?<=[^{WHITE_SPACE}])(?=[{WHITE_SPACE}])")  # no word goes on over it
_UTF8_WHITE_SPACE = (  # the same by the length of their UTF-8: a look-behind needs a fixed length
    rb"[\t-\r ]",
    rb"\xc2[\x85\xa0]",
    rb"\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80",
)
_BYTE_BORDER = re.compile(
    b"".join(b"(?<!%b)" % space for space in _UTF8_WHITE_SPACE)
    + b"(?=%b)" % b"|".join(_UTF8_WHITE_SPACE)
)
_LONG_RUN = re.compile(r"\S{64}|\s{64}")
_MOST_LONG_RUNS = (1 << 22) // 64


class BytePairTokenizer(Tokenizer):
    """GPT-2's byte-level BPE.

    Args:
        vocabulary: dict from token, in GPT-2's byte characters, to id.
        merges: list of pairs of tokens, in order of their ranks.
        special: dict from role to token, or None for end-of-text alone; the vocabulary has them.
    """

    kind = "byte_pair"

    def __init__(self, vocabulary, merges, special=None):
        self.vocabulary = vocabulary
        self.merges = merges
        special = special or special_tokens()
        left_out = set(special.values())
        super().__init__(
            [
                b"" if token in left_out else merge_files.to_bytes(token)
                for token in _in_order(vocabulary)
            ],
            special,
            {role: vocabulary[token] for role, token in special.items()},
        )
        self._fast = hf.Tokenizer(hf.models.BPE(vocabulary, merges))
        self._fast.pre_tokenizer = _words()

    @classmethod
    def train(cls, documents, vocabulary_size, progress=None, *, roles=()):
        """Learns merges from the text, most frequent pair first; the special ids come last.

        Warns when the text has too few repeated pairs for as many ids as were asked for. Memory
        grows with the different words; of runs of 64 characters without a space between, which
        hardly repeat, no more than 2^22 characters are read.

        Raises:
            UsageError: if `vocabulary_size` is less than 257, or than what the roles need.
        """
        special = special_tokens(roles)
        last = list(dict.fromkeys(special.values()))
        if vocabulary_size < 256 + len(last):
            raise UsageError(
                f"`--vocabulary_size` must be at least {256 + len(last)} with "
                f"--tokenizer=byte_pair: 256 bytes, {', '.join(last)}. "
                f"Received: --vocabulary_size={vocabulary_size}"
            )
        fast = hf.Tokenizer(hf.models.BPE())
        fast.pre_tokenizer = _words()
        trainer = hf.trainers.BpeTrainer(
            vocab_size=vocabulary_size - len(last),
            min_frequency=2,
            initial_alphabet=list(merge_files.BYTE_CHARACTERS),
            show_progress=False,
        )
        fast.train_from_iterator(_training_pieces(count_bytes(documents, progress)), trainer)
        model = json.loads(fast.to_str())["model"]
        vocabulary = {token: n for n, token in enumerate(_in_order(model["vocab"]) + last)}
        if len(vocabulary) < vocabulary_size:
            logging.warning(
                "The text yields a vocabulary of %d tokens only, less than --vocabulary_size=%d: "
                "no other pair of tokens comes twice.",
                len(vocabulary),
                vocabulary_size,
            )
        return cls(vocabulary, [tuple(merge) for merge in model["merges"]], special)

    @functools.cached_property
    def word_starts(self):
        return np.array([piece[:1] in b" \t\n\r" for piece in self.token_bytes])  # b"" too

    def safe_split(self, text, near):
        if near >= len(text):
            return super().safe_split(text, near)
        for reach in (64, 4096, near):
            borders = _BYTE_BORDER.finditer(text, max(0, near - reach), near + 3)
            cuts = [found.start() for found in borders if 0 < found.start() <= near]
            if cuts:
                return cuts[-1]
        return super().safe_split(text, near)

    def graph(self):
        from tfzoo.tokenizers.byte_pair_graph import BytePairGraph  # TensorFlow only where needed

        return BytePairGraph(self)

    def _encode(self, texts):
        return encode(self._fast, texts, _BORDER)

    def _files(self):
        return merge_files.to_files(self.vocabulary, self.merges)

    @classmethod
    def _read(cls, folder, special):
        return cls(*merge_files.read(folder, special))


def _in_order(vocabulary) -> list[str]:
    return sorted(vocabulary, key=vocabulary.get)


def _words():
    return hf.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def _training_pieces(texts):
    """The texts in pieces, with long runs cut short and, once there were enough of them, left out.

    The trainer walks through a whole word at each merge in it, and keeps each different word at
    about 90 times its size.
    """
    num_runs = 0
    for piece in itertools.chain.from_iterable(pieces(text, _BORDER) for text in texts):
        start = 0
        for run in _LONG_RUN.finditer(piece):
            num_runs += 1
            yield piece[start : run.end() if num_runs <= _MOST_LONG_RUNS else run.start()]
            start = run.end()
        yield piece[start:]
    if num_runs > _MOST_LONG_RUNS:
        logging.warning(
            "Of the text without spaces, which costs much memory, only a part was used to learn "
            "the vocabulary."
        )
