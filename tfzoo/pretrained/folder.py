"""A whole folder of transformers: a model, its tokenizer and the names of its labels."""

import tempfile
from typing import NamedTuple

from tfzoo import models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.pretrained import keras_hub
from tfzoo.pretrained.hub import local_folder
from tfzoo.pretrained.reading import Published, read_model
from tfzoo.pretrained.tokenizer_writing import write_tokenizer
from tfzoo.pretrained.writing import write_model


class Pretrained(NamedTuple):
    """What a folder of transformers holds.

    Attributes:
        model: `models.Model`, with its heads.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: list of str, of a classification or of tags, in order; empty without one.
        published: `Published`, what else was in the checkpoint.
    """

    model: models.Model
    tokenizer: tokenizers.Tokenizer
    labels: list[str]
    published: Published


def load(folder, dtype=None, flag: str = "--from") -> Pretrained:
    """Loads a folder as transformers saves it, without transformers or torch.

    Args:
        folder: path of `config.json`, safetensors and a tokenizer's files; or a name on the hub; or
            "keras_hub:" and a preset of keras-hub.
        dtype: str or Keras dtype policy, of the computation; None: Keras's own default. Weights
            are float32.
        flag: str, what named the folder, for messages.

    Raises:
        UsageError: if it cannot be reached, is damaged, or holds anything that would be computed
            or encoded otherwise here.
    """
    if str(folder).startswith(keras_hub.PREFIX):
        with tempfile.TemporaryDirectory() as written:
            keras_hub.write_preset(str(folder), written, flag)
            return load(written, dtype, flag)
    folder = local_folder(folder, flag)
    model, published = read_model(folder, dtype, flag)
    tokenizer = tokenizers.load(folder)
    if tokenizer.vocabulary_size > model.config.vocabulary_size:
        raise UsageError(
            f"{flag}={folder}: its tokenizer has {tokenizer.vocabulary_size} ids, and its model "
            f"only {model.config.vocabulary_size}. They are not of one model: copy it again."
        )
    return Pretrained(model, tokenizer, _labels(model, published), published)


def save(folder, model, tokenizer, labels=(), published=None) -> None:
    """Writes the files of a folder that transformers loads.

    Args:
        folder: path of a folder that is there.
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: names of the labels of a classification or of tags, in order.
        published: `Published` of a model that was loaded: it is written as it was.

    Raises:
        UsageError: if transformers has no such model or tokenizer.
    """
    write_model(model, folder, published, labels)
    write_tokenizer(tokenizer, folder)


def _labels(model, published):
    """Names of what the head for labels of texts, or of tokens, tells apart."""
    heads = [model.heads.get(name) for name in ("classification", "token_classification")]
    names = published.config.get("id2label") or {}
    counts = [head.num_labels for head in heads if head is not None]
    return [str(names.get(str(i), f"LABEL_{i}")) for count in counts for i in range(count)]
