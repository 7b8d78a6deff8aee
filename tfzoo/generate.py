"""`python -m tfzoo.generate`: a trained model continues your prompts, or translates them."""

import dataclasses
import sys
from dataclasses import field

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.generation.options import DecodingOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prompts:
    """What is to be gone on with, and how it is shown."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    prompt: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Text to continue, or the source that an encoder-decoder reads; give the flag "
            "again for several; unset: from nothing.",
            "repeated": True,
        },
    )
    stream: bool = field(
        default=True,
        metadata={"help": "Whether one text is printed while it is written, or when it is done."},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateFlags(DecodingOptions, Prompts):
    """The flags of `python -m tfzoo.generate`."""

    max_new_tokens: int | None = field(
        default=None,
        metadata={
            "help": "Tokens to write at most, bounded to the model's context - 1 unless "
            "--overlong=slide; unset: 64, for encoder-decoders that bound."
        },
    )
    temperature: float | None = field(
        default=None,
        metadata={
            "help": "How much to leave to chance; 0: the likeliest token; unset: 1, for "
            "encoder-decoders 0."
        },
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
    for name in ("model_dir", "prompt", "stream"):
        del options[name]
    prompts = given.prompt or ("",)
    count = given.num_return_sequences
    begins = [prompt if kind == "decoder" else "" for prompt in prompts for _ in range(count)]
    if given.stream and len(prompts) * given.num_beams * count == 1:
        _print_as_it_comes(begins[0], trained.stream(prompts[0], **options))
        return 0
    for begin, text in zip(begins, trained.generate(prompts, **options), strict=True):
        _print_as_it_comes(begin, [text])
    return 0


def _print_as_it_comes(begin, pieces):
    print(begin, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(generate, GenerateFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
