"""Byte-level byte pair encoding, GPT-2's (Radford et al. 2019, section 2.2; Sennrich et al. 2016).

The text is cut into words (a space stays with the word after it), the words into bytes, and the
bytes are joined by the merges that training found, those of lowest rank first.
"""

import itertools
import json
import re

import tokenizers as hf
from absl import logging

from tfzoo.errors import UsageError
from tfzoo.tokenizers import merges as merge_files
from tfzoo.tokenizers.tokenizer import END_OF_TEXT, Tokenizer, count_bytes

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
_PIECE = 1 << 15  # characters; longer texts cost memory and time out of proportion


class BytePairTokenizer(Tokenizer):
    """GPT-2's byte-level BPE.

    Args:
        vocabulary: dict from token, in GPT-2's byte characters, to id.
        merges: list of pairs of tokens, in order of their ranks.
        end_of_text: str. The special token; it must be in the vocabulary.
    """

    kind = "byte_pair"

    def __init__(self, vocabulary, merges, end_of_text=END_OF_TEXT):
        self.vocabulary = vocabulary
        self.merges = merges
        self._end_of_text_token = end_of_text
        tokens = sorted(vocabulary, key=vocabulary.get)
        super().__init__(
            [b"" if token == end_of_text else merge_files.to_bytes(token) for token in tokens],
            end_of_text=vocabulary[end_of_text],
        )
        self._fast = hf.Tokenizer(hf.models.BPE(vocabulary, merges))
        self._fast.pre_tokenizer = _words()

    @classmethod
    def train(cls, documents, vocabulary_size, progress=None):
        """Learns merges from the text, most frequent pair first, with one id for end-of-text.

        Warns when the text has too few repeated pairs for as many ids as were asked for. Memory
        grows with the different words; of runs of 64 characters without a space between, which
        hardly repeat, no more than 2^22 characters are read.

        Raises:
            UsageError: if `vocabulary_size` is less than 257.
        """
        if vocabulary_size < 257:
            raise UsageError(
                "`--vocabulary_size` must be at least 257 with --tokenizer=byte_pair: 256 bytes, "
                f"end-of-text. Received: --vocabulary_size={vocabulary_size}"
            )
        fast = hf.Tokenizer(hf.models.BPE())
        fast.pre_tokenizer = _words()
        trainer = hf.trainers.BpeTrainer(
            vocab_size=vocabulary_size - 1,
            min_frequency=2,
            initial_alphabet=list(merge_files.BYTE_CHARACTERS),
            show_progress=False,
        )
        fast.train_from_iterator(_training_pieces(count_bytes(documents, progress)), trainer)
        model = json.loads(fast.to_str())["model"]
        vocabulary = model["vocab"] | {END_OF_TEXT: len(model["vocab"])}
        if len(vocabulary) < vocabulary_size:
            logging.warning(
                "The text yields a vocabulary of %d tokens only, less than --vocabulary_size=%d: "
                "no other pair of tokens comes twice.",
                len(vocabulary),
                vocabulary_size,
            )
        return cls(vocabulary, [tuple(merge) for merge in model["merges"]])

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
        pieces = [_pieces(text) for text in texts]
        flat = list(itertools.chain.from_iterable(pieces))
        rows = iter(self._fast.encode_batch_fast(flat, add_special_tokens=False))
        return [list(itertools.chain.from_iterable(next(rows).ids for _ in row)) for row in pieces]

    def _files(self):
        return merge_files.to_files(self.vocabulary, self.merges)

    def _special_tokens(self):
        return {"end_of_text": self._end_of_text_token}

    @classmethod
    def _read(cls, folder, special_tokens):
        end_of_text = special_tokens["end_of_text"]
        return cls(*merge_files.read(folder, end_of_text), end_of_text)


def _words():
    return hf.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def _pieces(text: str) -> list[str]:
    """The text in pieces of about `_PIECE` characters, cut where no word goes on."""
    pieces, start = [], 0
    while len(text) - start > _PIECE:
        border = _BORDER.search(text, start + _PIECE)
        if border is None:
            break
        pieces.append(text[start : border.start()])
        start = border.start()
    return [*pieces, text[start:]]


def _training_pieces(texts):
    """The texts in pieces, with long runs cut short and, once there were enough of them, left out.

    The trainer walks through a whole word at each merge in it, and keeps each different word at
    about 90 times its size.
    """
    num_runs = 0
    for piece in itertools.chain.from_iterable(map(_pieces, texts)):
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
