"""What a user may ask of decoding: each option with its default, and the flag's help text."""

import dataclasses
from dataclasses import field

OVERLONG = ("cut", "refuse", "slide")


def _option(default, help_text, **metadata):
    return field(default=default, metadata={"help": help_text, **metadata})


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodingOptions:
    """How to write. Numbers may be lists too, of one value a prompt; so may the lists of stops.

    From Python these are the keyword arguments of `generate`; to `python -m tfzoo.generate`, flags.
    """

    max_new_tokens: int = _option(
        64, "Tokens to write at most, bounded to the model's context - 1 unless the window slides."
    )
    temperature: float = _option(1.0, "How much to leave to chance; 0: the likeliest token.")
    top_k: int = _option(0, "Draw from this many likeliest tokens; 0: no limit.")
    top_p: float = _option(
        1.0, "Draw from the fewest tokens that hold this probability, in (0, 1]."
    )
    min_p: float = _option(
        0.0, "Draw from tokens at least this many times as likely as the likeliest, in [0, 1]."
    )
    seed: int = _option(0, "The same seed gives the same text.")
    repetition_penalty: float = _option(
        1.0,
        "Makes what stands in the prompt or was written less likely (above 1): positive logits are "
        "divided by it, others multiplied.",
    )
    frequency_penalty: float = _option(
        0.0, "So much is taken from a token's logit each time that it was written."
    )
    no_repeat_ngram_size: int = _option(
        0, "No sequence of so many tokens comes twice, the prompt's included; 0: any may."
    )
    min_new_tokens: int = _option(0, "Tokens before which no token may end the text.")
    stop_token_ids: tuple[int, ...] = _option(
        (), "Ids that end the text, as end-of-text does; several: divided by commas."
    )
    stop_strings: tuple[str, ...] = _option(
        (),
        "Text at which the new text ends, without it; give the flag again for several.",
        repeated=True,
    )
    num_beams: int = _option(1, "Texts under way in a search for the likeliest one; 1: no search.")
    length_penalty: float = _option(
        1.0, "With beams: log likelihoods are divided by length to this power."
    )
    early_stopping: bool = _option(False, "With beams: whether to end once so many texts are done.")
    num_return_sequences: int = _option(
        1,
        "Texts for each prompt: of a search the best so many, else drawn by the seeds seed, seed + "
        "1, ...",
    )
    overlong: str = _option(
        "cut",
        "What a prompt that leaves no room in the model's context for --max_new_tokens meets: its "
        "beginning is cut off (cut), it is refused (refuse), or, whenever the context is full, its "
        "older half is forgotten (slide).",
        choices=OVERLONG,
    )


def option(name, default):
    """A field like that of `DecodingOptions`, with another default."""
    [found] = [one for one in dataclasses.fields(DecodingOptions) if one.name == name]
    return field(default=default, metadata=found.metadata)
