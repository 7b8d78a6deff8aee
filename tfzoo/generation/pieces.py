"""A text as it is written, in pieces that end between characters."""

import codecs

from tfzoo.errors import UsageError
from tfzoo.generation.requests import as_sampling, checked_options
from tfzoo.generation.stops import cut, num_certain


def options_of_one_text(given):
    """Checked options of one row, of a text that is drawn.

    Raises:
        UsageError: if more is asked for.
    """
    options = checked_options(given, 1)
    for name in ("num_beams", "num_return_sequences"):
        if getattr(options, name) > 1:
            raise UsageError(f"A stream is of one text. Leave `{name}` at 1, or use `generate`.")
    return options


def pieces(decoder, tokenizer, token_ids, options, continued):
    """Yields what is written: letters that may belong to a stop are held back till it is sure.

    Args:
        decoder: `Decoder`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        token_ids: list of int, a prompt or a source.
        options: `DecodingOptions`, from `options_of_one_text`.
        continued: bool. Whether text stands before what is written.
    """
    sampling = as_sampling(options, [continued])
    [stops] = options.stop_strings
    bytes_of = codecs.getincrementaldecoder("utf-8")("replace")
    new_tokens, num_spelt, text, num_shown = [], 0, "", 0
    for [more] in decoder.stream([token_ids], sampling, options.overlong == "slide"):
        new_tokens += more
        spelt = tokenizer.spell(new_tokens, continued=continued)
        text += bytes_of.decode(spelt[num_spelt:])
        num_spelt = len(spelt)
        if len(whole := cut(text, stops)) < len(text):
            yield from _shown(whole[num_shown:])
            return
        certain = num_certain(text, stops)
        yield from _shown(text[num_shown:certain])
        num_shown = max(certain, num_shown)
    text += bytes_of.decode(b"", final=True)
    yield from _shown(cut(text, stops)[num_shown:])


def _shown(piece):
    return [piece] if piece else []
