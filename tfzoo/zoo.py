"""`tfzoo.load(model_dir)`: a trained model and its tokenizer together, text in and text out."""

import json
from pathlib import Path

from tfzoo import pretrained, tokenizers
from tfzoo.errors import UsageError
from tfzoo.language_model import LanguageModel
from tfzoo.models.adapters import merge
from tfzoo.reader import TrainedModel
from tfzoo.text_to_text import TextToText
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.model_dir import ModelDir
from tfzoo.training.origins import load_model


def load(model_dir, *, merged=True):
    """Loads what `python -m tfzoo.train` has left in a folder: the newest checkpoint that is whole.

    Where the run kept a moving average of its weights, that average is taken. A folder as
    transformers saves it is loaded as well, by `pretrained.load`.

    Args:
        model_dir: path.
        merged: bool. Whether adapters become part of the matrices that they adapt
            (`models.adapters.merge`); else the model has them beside.

    Returns:
        `LanguageModel` if the model is a decoder, `TextToText` if it is an encoder-decoder, else
        `TrainedModel`.

    Raises:
        UsageError: if the folder holds no run, or no whole checkpoint; or adapters of weights that
            are gone or others by now.
    """
    folder = Path(model_dir)
    if not (folder / "model.json").is_file() and (folder / "config.json").is_file():
        model, tokenizer, labels, _ = pretrained.load(folder, "float32", flag="--model_dir")
        return _with_its_texts(model, tokenizer, labels)
    if not (folder / "model.json").is_file() or not (folder / "tokenizer").is_dir():
        raise UsageError(
            f"--model_dir={folder} holds no run of tfzoo (it has no model.json and tokenizer/). "
            "Give the --model_dir of `python -m tfzoo.train`."
        )
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoint = checkpoints.restore_weights()
    if checkpoint is None:
        raise UsageError(f"--model_dir={folder} {checkpoints.why_none()}")
    model = load_model(folder, checkpoint, dtype=_flag(folder, "precision", "float32"))
    if merged:
        merge(model)
    tokenizer = tokenizers.load(folder / "tokenizer")
    converses = _flag(folder, "task", "") == "dialogue"
    if converses:  # It has learnt to read turns in another way.
        tokenizer.chat_template = None
    labels = ModelDir(folder).facts().get("labels", ())
    return _with_its_texts(model, tokenizer, labels, _flag(folder, "prefix", ""), converses)


def _with_its_texts(model, tokenizer, labels, prefix="", converses=False):
    if model.kind == "encoder_decoder":
        return TextToText(model, tokenizer, prefix)
    if model.kind == "decoder":
        return LanguageModel(model, tokenizer, labels, converses)
    return TrainedModel(model, tokenizer, labels)


def _flag(folder, name, default):
    """A flag of the run; the default if it does not say."""
    try:
        value = json.loads((folder / "run.json").read_bytes())["flags"][name]
    except (OSError, ValueError, KeyError):
        return default
    return default if value is None else value
