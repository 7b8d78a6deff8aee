"""`python -m tfzoo.generate`: a trained model continues your prompts."""

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
            "help": "Text to continue; give the flag again for several; unset: from nothing.",
            "repeated": True,
        },
    )
    max_new_tokens: int = field(
        default=64,
        metadata={"help": "Tokens to write at most, bounded to the model's context - 1."},
    )
    temperature: float = field(
        default=1.0, metadata={"help": "How much to leave to chance; 0: the likeliest token."}
    )
    top_k: int = field(
        default=0, metadata={"help": "Draw from this many likeliest tokens; 0: no limit."}
    )
    top_p: float = field(
        default=1.0,
        metadata={"help": "Draw from the fewest tokens that hold this probability, in (0, 1]."},
    )
    seed: int = field(default=0, metadata={"help": "The same seed gives the same text."})


def generate(given: GenerateFlags) -> int:
    """Continues prompts with the model of a run, printing as it goes.

    python -m tfzoo.generate --model_dir=runs/first --prompt='Once upon a time' --temperature=0.8
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    from tfzoo import zoo

    sys.stdout.reconfigure(errors="replace")  # A prompt need not be valid Unicode.
    trained = zoo.load(given.model_dir)
    options = dataclasses.asdict(given)
    del options["model_dir"]
    prompts = options.pop("prompt") or ("",)
    if len(prompts) == 1:
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
