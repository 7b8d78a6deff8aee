"""A whole folder of transformers: a model, its tokenizer and the names of its labels."""

from typing import NamedTuple

from tfzoo import models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.pretrained import generation_config, keras_hub
from tfzoo.pretrained.checkpoint_folder import CheckpointFolder
from tfzoo.pretrained.hub import local_folder
from tfzoo.pretrained.reading import Published, read_model
from tfzoo.pretrained.tokenizer_writing import write_tokenizer
from tfzoo.pretrained.writing import LABELLED, write_model


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
        source = keras_hub.Preset(str(folder), flag)
    else:
        source = CheckpointFolder(local_folder(folder, flag), flag)
    model, published = read_model(source, dtype)
    tokenizer = source.tokenizer
    if tokenizer.vocabulary_size > model.config.vocabulary_size:
        raise UsageError(
            f"{flag}={folder}: its tokenizer has {tokenizer.vocabulary_size} ids, and its model "
            f"only {model.config.vocabulary_size}. They are not of one model: copy it again."
        )
    _check_writing(model, tokenizer, published, f"{flag}={folder}")
    return Pretrained(model, tokenizer, _labels(model, published, f"{flag}={folder}"), published)


def _check_writing(model, tokenizer, published, where):
    """That a model writes from the start and to the ends that it has in transformers."""
    if model.kind == "encoder":
        return
    generation_config.tell(published, where)
    if differing := generation_config.differing_ids(published, tokenizer):
        raise UsageError(
            f"{where}: its model has {', '.join(differing)}, which is otherwise in its tokenizer. "
            "transformers' AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes a "
            "tokenizer.json beside which these ids are read."
        )


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
    if published is None:
        _check_places(model, tokenizer)
    ids = generation_config.ids_of(tokenizer, model.kind)
    write_model(model, folder, published, labels, ids)
    write_tokenizer(tokenizer, folder, ends_texts=model.kind == "decoder" and bool(model.heads))


def _check_places(model, tokenizer):
    """That the token which transformers' RoBERTa counts no place for is the padding's."""
    first = getattr(model.config, "first_position", 0)
    padding = tokenizer.special_ids.get("padding", tokenizer.end_of_text)
    if first and padding != first - 1:
        raise UsageError(
            f"--model_dir: transformers' RoBERTa gives the token {first - 1} no place, and the "
            f"tokenizer's padding is {padding}, so that texts with that token would be read "
            f"otherwise. Train it with --model_overrides=first_position={padding + 1}."
        )


def _labels(model, published, where):
    """Names of what the head for labels of texts, or of tokens, tells apart."""
    heads = [model.heads[name] for name in LABELLED if name in model.heads]
    given = published.config.get("id2label") or {}
    numbers = range(heads[0].num_labels if heads else 0)
    names = [str(given.get(str(i), f"LABEL_{i}")) for i in numbers]
    if len(set(names)) < len(names):
        raise UsageError(
            f"{where}: config.json has an id2label with the same name twice, in {names}. Give each "
            "label a name of its own."
        )
    return names
