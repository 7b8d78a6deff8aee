"""`python -m tfzoo.generate`: a trained model continues your prompts, or translates them."""

import dataclasses
import sys
from dataclasses import field

from tfzoo import flags
from tfzoo.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateFlags:
    """The flags of `python -m tfzoo.generate`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    prompt: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Text to continue, or the source that an encoder-decoder reads; give the flag "
            "again for several; unset: from nothing.",
            "repeated": True,
        },
    )
    max_new_tokens: int | None = field(
        default=None,
        metadata={
            "help": "Tokens to write at most, bounded to the model's context - 1; unset: 64, for "
            "encoder-decoders that bound."
        },
    )
    temperature: float | None = field(
        default=None,
        metadata={
            "help": "How much to leave to chance; 0: the likeliest token; unset: 1, for "
            "encoder-decoders 0."
        },
    )
    top_k: int = field(
        default=0, metadata={"help": "Draw from this many likeliest tokens; 0: no limit."}
    )
    top_p: float = field(
        default=1.0,
        metadata={"help": "Draw from the fewest tokens that hold this probability, in (0, 1]."},
    )
    seed: int = field(default=0, metadata={"help": "The same seed gives the same text."})
    num_beams: int = field(
        default=1,
        metadata={"help": "Texts under way in a search for the likeliest one; 1: no search."},
    )
    length_penalty: float = field(
        default=1.0,
        metadata={"help": "With beams: log likelihoods are divided by length to this power."},
    )
    early_stopping: bool = field(
        default=False, metadata={"help": "With beams: whether to end once so many texts are done."}
    )


def generate(given: GenerateFlags) -> int:
    """Continues prompts with the model of a run, printing as it goes.

    python -m tfzoo.generate --model_dir=runs/first --prompt='Once upon a time' --temperature=0.8
    python -m tfzoo.generate --model_dir=runs/translation --prompt='Click OK.' --num_beams=4

    Of an encoder-decoder it prints what the model writes alone, without the source.
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    from tfzoo import zoo

    sys.stdout.reconfigure(errors="replace")  # A prompt need not be valid Unicode.
    trained = zoo.load(given.model_dir)
    kind = trained.model.kind
    if kind == "encoder":
        raise UsageError(f"--model_dir={given.model_dir} holds an encoder, which does not write.")
    options = {name: x for name, x in dataclasses.asdict(given).items() if x is not None}
    del options["model_dir"]
    prompts = options.pop("prompt") or ("",)
    if kind == "encoder_decoder":
        print(*trained.generate(prompts, **options), sep="\n")
        return 0
    if len(prompts) == 1 and given.num_beams == 1:
        for name in ("num_beams", "length_penalty", "early_stopping"):
            del options[name]
        _print_as_it_comes(prompts[0], trained.stream(prompts[0], **options))
        return 0
    for prompt, completion in zip(prompts, trained.generate(prompts, **options), strict=True):
        _print_as_it_comes(prompt, [completion])
    return 0


def _print_as_it_comes(prompt, pieces):
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(generate, GenerateFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
