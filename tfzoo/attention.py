"""`python -m tfzoo.attention`: what each head of a trained model reads in a text."""

import dataclasses
import sys
from dataclasses import field
from pathlib import Path

from tfzoo import flags
from tfzoo.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionFlags:
    """The flags of `python -m tfzoo.attention`."""

    model_dir: str = field(default="", metadata={"help": "Folder of the run."})
    text: str = field(default="", metadata={"help": "Text that the model reads."})
    text_pair: str | None = field(
        default=None, metadata={"help": "Second text, for a model that reads pairs."}
    )
    target_text: str | None = field(
        default=None, metadata={"help": "Text that is written, for an encoder-decoder."}
    )
    page: str | None = field(
        default=None,
        metadata={"help": "File to write the page to; unset: attention.html in --model_dir."},
    )
    tensorboard: bool = field(
        default=True,
        metadata={
            "help": "Whether to add a picture of each layer to the run's TensorBoard; needs "
            "matplotlib (pip install 'tfzoo[pictures]')."
        },
    )


def attention(given: AttentionFlags) -> int:
    """Draws the attention weights of every layer and head on a text.

    python -m tfzoo.attention --model_dir=runs/first --text='My fellow citizens'
    python -m tfzoo.attention --model_dir=runs/german --text='Open it.' --target_text='Öffne es.'

    The page is one file for a browser: point at a weight to read it, click a head to enlarge it.
    The run's TensorBoard gets the same as pictures; --notensorboard leaves them out.
    """
    if not given.model_dir:
        raise UsageError("Give --model_dir, the folder of a run of `python -m tfzoo.train`.")
    if not given.text:
        raise UsageError("Give --text, what the model is to read.")
    from tfzoo import zoo
    from tfzoo.evaluation.attention_maps import attention_maps
    from tfzoo.evaluation.attention_page import attention_page

    trained = zoo.load(given.model_dir)
    maps = attention_maps(
        trained.model,
        trained.tokenizer,
        given.text,
        text_pair=given.text_pair,
        target_text=given.target_text,
    )
    page = Path(given.page or Path(given.model_dir) / "attention.html")
    _write(page, attention_page(maps))
    print(page)
    if given.tensorboard:
        _add_to_tensorboard(Path(given.model_dir), maps)
    return 0


def _write(page, content):
    try:
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--page={page} cannot be written: {error.strerror}.") from None


def _add_to_tensorboard(model_dir, maps):
    from tfzoo.evaluation.attention_pictures import draw_attention
    from tfzoo.evaluation.picture import write_pictures
    from tfzoo.training.model_dir import ModelDir

    try:
        pictures = draw_attention(maps)
    except UsageError as error:
        raise UsageError(f"{error}, or leave the pictures out with --notensorboard.") from None
    step = ModelDir(model_dir).checkpoints.steps()[-1]
    write_pictures(model_dir / "tensorboard" / "attention", step, pictures)
    print(f"tensorboard --logdir={model_dir}/tensorboard")


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(attention, AttentionFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
