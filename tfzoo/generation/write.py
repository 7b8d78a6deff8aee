"""From prompts and options to new tokens, by drawing or by search."""

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.generation.requests import as_sampling, as_search, repeated


def write(decoder, rows, options, is_continued, scored=False):
    """Writes what stands behind prompts, or what is made of sources.

    Args:
        decoder: `Decoder`.
        rows: list of lists of token ids.
        options: `DecodingOptions`, checked.
        is_continued: list of bool, one a row. Whether text stands before what is written.
        scored: bool. Whether to tell how likely the tokens are.

    Returns:
        list of `num_return_sequences` pairs for each row, one row's after the other's: the new
        token ids, and the logarithms of their probabilities where `scored` asks for them.

    Raises:
        UsageError: for options that do not go together, and for rows that `overlong` lets refuse.
    """
    check_room(decoder, rows, options)
    if options.num_beams > 1:
        if scored or options.overlong == "slide":
            what = "log-probabilities" if scored else "a sliding window"
            raise UsageError(f"A search has no {what}. Leave `num_beams` at 1.")
        search = as_search(options, is_continued)
        texts, _ = decoder.search(rows, search, options.num_beams)
        return [(tokens, []) for row in texts for tokens in row[: options.num_return_sequences]]
    count = options.num_return_sequences
    sampling = as_sampling(repeated(options), np.repeat(is_continued, count))
    prompts = [row for row in rows for _ in range(count)]
    slides = options.overlong == "slide"
    if scored:
        return decoder.generate_scored(prompts, sampling, slides)
    return [(tokens, []) for tokens in decoder.generate(prompts, sampling, slides)]


def check_room(decoder, rows, options) -> None:
    """Refuses what `overlong` lets refuse.

    Raises:
        UsageError: naming the first row that has no room; or for an encoder-decoder's window.
    """
    reads_sources = decoder.writer.start is not None
    if options.overlong == "slide" and reads_sources:
        raise UsageError(
            "`overlong` cannot be slide for an encoder-decoder, which reads its source at once. "
            "Use cut or refuse."
        )
    if options.overlong != "refuse":
        return
    for number, (row, wanted) in enumerate(zip(rows, options.max_new_tokens, strict=True)):
        needed = len(row) if reads_sources else max(len(row), 1) + int(wanted)
        if needed > decoder.context:
            more = "" if reads_sources else f" with the {wanted} of `max_new_tokens`"
            raise UsageError(
                f"Prompt {number} needs {needed} tokens{more}, and the model's context has "
                f"{decoder.context}. Shorten it, or let `overlong` be cut or slide."
            )
