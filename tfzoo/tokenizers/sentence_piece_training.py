"""Learning the pieces of a SentencePiece model from text, with bounded memory."""

import heapq
import io
import random
import re
from collections.abc import Iterable

import sentencepiece
from absl import logging

from tfzoo.errors import UsageError
from tfzoo.tokenizers.piece_model import UNIGRAM, Piece, PieceModel

ALGORITHMS = ("unigram", "bpe")
NORMALIZATIONS = ("nmt_nfkc", "nmt_nfkc_cf", "identity")

_MAX_CHARACTERS = 1 << 25  # to learn from: more cost memory and time, and hardly teach more
_LINE = 1 << 12  # characters
_RESERVED = str.maketrans({"\t": " ", "\u2585": " "})  # the trainer leaves out a line with these
_NUM_THREADS = 4  # the sums that training makes depend on it, so it is the same everywhere
_SCORE_STEP = 1 / 32


def learn(
    texts: Iterable[str],
    vocabulary_size: int,
    num_sentinels: int,
    *,
    algorithm: str,
    byte_fallback: bool,
    normalization: str,
    control_symbols: tuple[str, ...],
    ids: dict[str, int],
) -> bytes:
    """Makes a model of `vocabulary_size - num_sentinels` pieces, or fewer if the text has no more.

    Args:
        texts: iterable of str, read once.
        vocabulary_size: int.
        num_sentinels: int. Ids of the vocabulary that are not the model's.
        algorithm: one of `ALGORITHMS`.
        byte_fallback: bool.
        normalization: one of `NORMALIZATIONS`.
        control_symbols: special tokens that come after those of `ids`.
        ids: dict from the trainer's name (pad_id, ...) to the id, -1 for none.

    Returns:
        bytes, the content of a model file.

    Raises:
        UsageError: if `vocabulary_size` is too small for the characters, or the text empty.
        ValueError: if an option is none of those that there are.
    """
    _check("algorithm", algorithm, ALGORITHMS)
    _check("normalization", normalization, NORMALIZATIONS)
    lines = _sample(texts, _MAX_CHARACTERS)
    if not any(map(str.strip, lines)):
        raise UsageError("The training text has no characters. Give text to learn pieces from.")
    keeps_spaces = normalization == "identity"
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=max(vocabulary_size - num_sentinels, len(control_symbols) + 3),
            hard_vocab_limit=False,
            model_type=algorithm,
            byte_fallback=byte_fallback,
            normalization_rule_name=normalization,
            add_dummy_prefix=not keeps_spaces,
            remove_extra_whitespaces=not keeps_spaces,
            control_symbols=list(control_symbols),
            max_sentence_length=4 * _LINE,
            num_threads=_NUM_THREADS,
            minloglevel=2,
            **ids,
        )
    except RuntimeError as error:
        raise _too_small(error, vocabulary_size, num_sentinels) or error from None
    return _with_round_scores(model.getvalue())


def _check(name, value, known):
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}. Received: {name}={value!r}")


def _sample(texts, max_characters: int) -> list[str]:
    """The lines of the texts, or of very long texts a sample of them, in their order."""
    draw, kept, size, all_kept = random.Random(0), [], 0, True
    for number, line in enumerate(_lines(texts)):
        lot = draw.random()
        if all_kept or lot > kept[0][0]:
            heapq.heappush(kept, (lot, number, line))
            size += len(line)
        while size > max_characters:
            size -= len(heapq.heappop(kept)[2])
            all_kept = False
    if not all_kept:
        logging.warning("The text is long: pieces are learnt from a sample of %d characters.", size)
    return [line for _, _, line in sorted(kept, key=lambda entry: entry[1])]


def _lines(texts):
    for text in texts:
        for line in text.translate(_RESERVED).splitlines():
            start = 0
            while len(line) - start > _LINE:
                cut = line.rfind(" ", start + 1, start + _LINE)
                cut = cut if cut > 0 else start + _LINE
                yield line[start:cut]
                start = cut
            yield line[start:]


def _too_small(error, vocabulary_size, num_sentinels) -> UsageError | None:
    """What the trainer's error means, if it is that the vocabulary has no room for characters."""
    needed = re.search(r"smaller than required_chars\. -?\d+ vs (\d+)", str(error))
    if needed is None:
        return None
    return UsageError(
        f"`--vocabulary_size` must be at least {int(needed[1]) + num_sentinels} with "
        "--tokenizer=sentence_piece: the characters of the text, the special tokens, and "
        f"{num_sentinels} sentinels. Received: --vocabulary_size={vocabulary_size}"
    )


def _with_round_scores(model: bytes) -> bytes:
    """The model with log-probabilities rounded to 32nds, so that float32 adds them exactly.

    A text's ids then do not depend on how much text was before it: cut at a space, 64 KiB at a
    time, it has the ids of the whole, and pieces whose sums are equal are told apart by one rule.
    """
    parsed = PieceModel.parse(model)
    if parsed.algorithm != UNIGRAM:
        return model
    pieces = [
        Piece(p.text, round(p.score / _SCORE_STEP) * _SCORE_STEP, p.kind) for p in parsed.pieces
    ]
    return parsed.to_bytes(pieces)
