"""What a user asks for, checked: one number for all prompts, or a list of one a prompt."""

from collections.abc import Iterable, Mapping

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.generation.beam import BeamSearch
from tfzoo.generation.prompts import DEFAULTS, DTYPES, Sampling

RANGES = {
    "max_new_tokens": ("from 0 to 2**31 - 1", lambda x: (x >= 0) & (x < 2**31)),
    "temperature": ("a number, 0 or more", lambda x: (x >= 0) & np.isfinite(x)),
    "top_k": ("from 0 (no limit) to 2**31 - 1", lambda x: (x >= 0) & (x < 2**31)),
    "top_p": ("above 0 and at most 1", lambda x: (x > 0) & (x <= 1)),
    "seed": ("an integer of 64 bits", lambda x: (x >= -(2**63)) & (x < 2**63)),
    "length_penalty": ("a number", np.isfinite),
    "early_stopping": ("True or False", lambda x: (x == 0) | (x == 1)),
}
MOST_BEAMS = 64


def checked_texts(texts, name: str, kinds=(str, bytes)) -> list:
    """The list of texts that an argument must be.

    Args:
        texts: what was given.
        name: str, of the argument.
        kinds: types of which one text may be.

    Raises:
        UsageError: for a text alone, and for what is none.
    """
    if isinstance(texts, str | bytes):
        raise UsageError(f"`{name}` must be a list of texts. Received one text; put it in [ ].")
    if isinstance(texts, Mapping) or not isinstance(texts, Iterable):
        raise UsageError(f"`{name}` must be a list of texts. Received: {name}={texts!r:.80}")
    texts = list(texts)
    for place, text in enumerate(texts):
        checked_text(text, f"{name}[{place}]", kinds)
    return texts


def checked_text(text, name: str, kinds=(str, bytes)):
    """The text that an argument must be. See `checked_texts`."""
    if not isinstance(text, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise UsageError(f"`{name}` must be {wanted}. Received: {text!r:.80}")
    return text


def write(decoder, rows, *, num_beams=1, length_penalty=1.0, early_stopping=False, **sampling):
    """The new tokens of prompts: drawn, or with several beams searched for.

    Args:
        decoder: `Decoder`.
        rows: list of lists of token ids.
        num_beams: int from 1 to 64.
        length_penalty, early_stopping: as in `BeamSearch`; only read with several beams.
        **sampling: as for `checked_sampling`; all but `max_new_tokens` only read with one beam.

    Raises:
        UsageError: for a number outside its range.
    """
    if not isinstance(num_beams, int | np.integer) or not 1 <= num_beams <= MOST_BEAMS:
        raise UsageError(
            f"`num_beams` must be from 1 to {MOST_BEAMS}. Received: num_beams={num_beams}"
        )
    drawn = checked_sampling(len(rows), **{**DEFAULTS._asdict(), **sampling})
    options = BeamSearch(drawn.max_new_tokens, length_penalty, early_stopping)
    options = _checked(len(rows), options, (np.int32, np.float32, np.bool_))
    if num_beams == 1:
        return decoder.generate(rows, drawn)
    return decoder.search(rows, options, num_beams)[0]


def checked_sampling(num_rows, max_new_tokens, temperature, top_k, top_p, seed):
    """`Sampling` of arrays, a number a row.

    Raises:
        UsageError: for one outside its range, or a list of another length.
    """
    given = Sampling(max_new_tokens, temperature, top_k, top_p, seed)
    return _checked(num_rows, given, [dtype.as_numpy_dtype for dtype in DTYPES])


def _checked(num_rows, given, dtypes):
    arrays = []
    for name, value, dtype in zip(given._fields, given, dtypes, strict=True):
        array = np.asarray(value)
        range_, is_in = RANGES[name]
        if array.dtype.kind not in "biuf" or not np.all(is_in(array)):
            raise UsageError(f"`{name}` must be {range_}. Received: {name}={value!r}")
        if array.ndim and array.shape != (num_rows,):
            raise UsageError(
                f"`{name}` must be one number, or one for each of the {num_rows} prompts. "
                f"Received: {name}={value}"
            )
        arrays.append(np.broadcast_to(array, [num_rows]).astype(dtype))
    return type(given)(*arrays)
