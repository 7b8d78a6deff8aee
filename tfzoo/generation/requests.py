"""What a user asks for, checked: one value for all prompts, or a list of one a prompt."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.generation.beam import BeamSearch
from tfzoo.generation.constraints import Constraints
from tfzoo.generation.options import OVERLONG, DecodingOptions
from tfzoo.generation.prompts import Sampling
from tfzoo.generation.stops import patterns

NUMBERS = {  # dtype, what is in range, and how that is said
    "max_new_tokens": (np.int32, lambda x: (x >= 0) & (x < 2**31), "from 0 to 2**31 - 1"),
    "temperature": (np.float32, lambda x: (x >= 0) & np.isfinite(x), "a number, 0 or more"),
    "top_k": (np.int32, lambda x: (x >= 0) & (x < 2**31), "from 0 (no limit) to 2**31 - 1"),
    "top_p": (np.float32, lambda x: (x > 0) & (x <= 1), "above 0 and at most 1"),
    "min_p": (np.float32, lambda x: (x >= 0) & (x <= 1), "from 0 to 1"),
    "seed": (np.int64, lambda x: (x >= -(2**63)) & (x < 2**63), "an integer of 64 bits"),
    "repetition_penalty": (np.float32, lambda x: (x > 0) & np.isfinite(x), "a number above 0"),
    "frequency_penalty": (np.float32, np.isfinite, "a number"),
    "no_repeat_ngram_size": (np.int32, lambda x: (x >= 0) & (x < 2**31), "0 (any may) or more"),
    "min_new_tokens": (np.int32, lambda x: (x >= 0) & (x < 2**31), "from 0 to 2**31 - 1"),
    "length_penalty": (np.float32, np.isfinite, "a number"),
    "early_stopping": (np.bool_, lambda x: (x == 0) | (x == 1), "True or False"),
}
INTEGERS = ("max_new_tokens", "top_k", "seed", "no_repeat_ngram_size", "min_new_tokens")
ELSEWHERE = {  # Names of transformers, and what to say here.
    "max_length": "Give `max_new_tokens`, which counts the new text alone.",
    "min_length": "Give `min_new_tokens`, which counts the new text alone.",
    "do_sample": "Give `temperature`: 0 takes the likeliest token, above 0 one is drawn.",
}
MOST_BEAMS = 64
MOST_STOPS, LONGEST_STOP = 64, 256  # texts or ids a prompt, bytes


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


def checked_options(given, num_rows: int) -> DecodingOptions:
    """Options of which each number is an array, and each list of stops a list, of one value a row.

    Args:
        given: dict of names of `DecodingOptions` to values.
        num_rows: int.

    Raises:
        UsageError: for an unknown name, a value outside its range, or a list of another length.
    """
    names = [option.name for option in dataclasses.fields(DecodingOptions)]
    if unknown := [name for name in given if name not in names]:
        remedy = ELSEWHERE.get(unknown[0], f"Options: {', '.join(names)}.")
        raise UsageError(f"There is no option `{unknown[0]}`. {remedy}")
    options = DecodingOptions(**given)
    rows = {name: _numbers(name, getattr(options, name), num_rows) for name in NUMBERS}
    beams, texts = options.num_beams, options.num_return_sequences
    _check_count("num_beams", beams, MOST_BEAMS)
    _check_count("num_return_sequences", texts, beams if beams > 1 else 2**31)
    if options.overlong not in OVERLONG:
        raise UsageError(
            f"`overlong` must be one of {', '.join(OVERLONG)}. Received: {options.overlong!r}"
        )
    return dataclasses.replace(
        options,
        **rows,
        stop_token_ids=_lists("stop_token_ids", options.stop_token_ids, num_rows),
        stop_strings=_lists("stop_strings", options.stop_strings, num_rows),
    )


def repeated(options: DecodingOptions) -> DecodingOptions:
    """Checked options with each row `num_return_sequences` times, of seeds one after the other."""
    count = options.num_return_sequences
    rows = {name: np.repeat(getattr(options, name), count) for name in NUMBERS}
    rows["seed"] = rows["seed"] + np.arange(len(rows["seed"])) % count
    for name in ("stop_token_ids", "stop_strings"):
        rows[name] = [value for value in getattr(options, name) for _ in range(count)]
    return dataclasses.replace(options, **rows)


def as_sampling(options: DecodingOptions, is_continued) -> Sampling:
    """How to draw, of checked options.

    Args:
        is_continued: bool (b,). Whether text stands before what is written.
    """
    constraints = as_constraints(options, is_continued)
    return Sampling(**numbers_of(Sampling, options), constraints=constraints)


def as_search(options: DecodingOptions, is_continued) -> BeamSearch:
    """How to search, of checked options."""
    constraints = as_constraints(options, is_continued)
    return BeamSearch(**numbers_of(BeamSearch, options), constraints=constraints)


def numbers_of(record, options) -> dict:
    """The numbers that a record (a NamedTuple class) has a field for, by name."""
    return {name: getattr(options, name) for name in record._fields if name in NUMBERS}


def as_constraints(options: DecodingOptions, is_continued):
    """`Constraints` of checked options; () if they constrain no row: programs are then quicker."""
    none, numbers = DecodingOptions(), numbers_of(Constraints, options)
    stops = [*options.stop_token_ids, *options.stop_strings]
    if not any(stops) and all(np.all(x == getattr(none, name)) for name, x in numbers.items()):
        return ()
    return Constraints(
        **numbers,
        stop_token_ids=_side_by_side(options.stop_token_ids),
        stop_patterns=patterns(options.stop_strings),
        is_continued=np.asarray(is_continued, np.bool_),
    )


def _numbers(name, value, num_rows):
    array = np.asarray(value)
    dtype, is_in, range_ = NUMBERS[name]
    kinds = "biu" if name in INTEGERS else "biuf"
    if array.dtype.kind not in kinds or not np.all(is_in(array)):
        raise UsageError(f"`{name}` must be {range_}. Received: {name}={value!r}")
    if array.ndim and array.shape != (num_rows,):
        raise UsageError(
            f"`{name}` must be one number, or one for each of the {num_rows} prompts. "
            f"Received: {name}={value}"
        )
    return np.broadcast_to(array, [num_rows]).astype(dtype)


def _check_count(name, value, most):
    if not isinstance(value, int | np.integer) or not 1 <= value <= most:
        limit = f"from 1 to {most}" if most < 2**31 else "1 or more"
        raise UsageError(f"`{name}` must be {limit}. Received: {name}={value!r}")


def _lists(name, given, num_rows):
    """A list of stops for each row: of one for all, a list for all, or a list of one a row."""
    kinds, what = ((str,), "texts") if name == "stop_strings" else ((int, np.integer), "ids")
    given = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    nested = [isinstance(item, list | tuple) for item in given]
    rows = given if given and all(nested) else [given] * num_rows
    if len(rows) != num_rows:
        raise UsageError(
            f"`{name}` must be a list of {what}, or one such list for each of the {num_rows} "
            f"prompts. Received: {name}={given!r:.80}"
        )
    for item in (item for row in rows for item in row):
        if not isinstance(item, kinds) or not _is_stop(item):
            raise UsageError(
                f"`{name}` must hold ids of tokens, or texts of 1 to {LONGEST_STOP} bytes. "
                f"Received: {item!r:.80}"
            )
    if any(len(row) > MOST_STOPS for row in rows):
        raise UsageError(f"`{name}` must be at most {MOST_STOPS} {what} for a prompt.")
    return [list(row) for row in rows]


def _is_stop(item):
    if isinstance(item, str):
        return 0 < len(item.encode("utf-8", "replace")) <= LONGEST_STOP
    return 0 <= item < 2**31


def _side_by_side(rows):
    """int32 (b, n) of lists of ids, padded with -1 to a width there are few of."""
    longest = max(map(len, rows), default=0)
    width = 1 << (longest - 1).bit_length() if longest else 0
    filled = [row + [-1] * (width - len(row)) for row in rows]
    return np.array(filled, np.int32).reshape(len(rows), width)
