"""Text to token ids and back: `train(kind, documents, ...)` makes a tokenizer, `load` reads one.

TensorFlow is imported only when a tokenizer's `graph()` is asked for.
"""

from __future__ import annotations  # `bytes` names the module here

from collections.abc import Callable, Iterable

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders
from tfzoo.tokenizers.byte_pair import BytePairTokenizer
from tfzoo.tokenizers.bytes import BytesTokenizer
from tfzoo.tokenizers.characters import CharactersTokenizer
from tfzoo.tokenizers.published.tokenizer import PublishedTokenizer
from tfzoo.tokenizers.sentence_piece import SentencePieceTokenizer
from tfzoo.tokenizers.tokenizer import Tokenizer
from tfzoo.tokenizers.word_piece import WordPieceTokenizer

__all__ = [
    "TOKENIZERS",
    "BytePairTokenizer",
    "BytesTokenizer",
    "CharactersTokenizer",
    "PublishedTokenizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "WordPieceTokenizer",
    "load",
    "train",
]

TOKENIZERS = {
    "byte_pair": BytePairTokenizer,
    "bytes": BytesTokenizer,
    "characters": CharactersTokenizer,
    "sentence_piece": SentencePieceTokenizer,
    "word_piece": WordPieceTokenizer,
}


def load(path) -> Tokenizer:
    """Reads the tokenizer that a folder holds, of whatever kind.

    Args:
        path: a folder that `Tokenizer.save` wrote, or one with a published model's files:
            tokenizer.json and what transformers saves beside it, vocab.json and merges.txt (GPT-2,
            RoBERTa), vocab.txt (BERT), or spiece.model or another .model file (T5, ALBERT). Such a
            file itself says which kind is meant, where the folder has files of several; the others
            of its kind are read beside it.

    Raises:
        UsageError: if there is no tokenizer, or a broken one.
    """
    kind = folders.kind_of(path)
    kinds = TOKENIZERS | {PublishedTokenizer.kind: PublishedTokenizer}
    if kind not in kinds:
        raise folders.broken(
            path, f"is of the unknown kind {kind!r}", f"Known kinds: {', '.join(kinds)}."
        )
    return kinds[kind].load(path)


def train(
    kind: str,
    documents: Iterable[str | bytes],
    vocabulary_size: int,
    progress: Callable[[int], None] | None = None,
    **options,
) -> Tokenizer:
    """Makes a tokenizer of the named kind from text.

    Args:
        kind: str. A key of `TOKENIZERS`.
        documents: iterable of str or UTF-8 bytes, read once.
        vocabulary_size: int. The number of ids wanted, special ones included; `bytes` always has
            256 and its special ones.
        progress: function, or None. Called with the bytes read so far.
        **options: of the kind. All take `roles`: the special tokens that there must be besides
            end-of-text, of "start", "separator", "padding" and "mask"; word_piece takes
            `lowercase` and `strip_accents`, sentence_piece `algorithm`, `byte_fallback` and
            `normalization`.

    Raises:
        UsageError: if the kind is unknown, or `vocabulary_size` too small for it.
    """
    if kind not in TOKENIZERS:
        raise UsageError(
            f"`--tokenizer` must be one of {', '.join(TOKENIZERS)}, or the folder of a tokenizer. "
            f"Received: --tokenizer={kind}"
        )
    return TOKENIZERS[kind].train(documents, vocabulary_size, progress, **options)
