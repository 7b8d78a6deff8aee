"""From a model and its tokenizer to a folder that TensorFlow Serving serves."""

import errno
import os
import re
import shutil
import tempfile
from pathlib import Path

import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.generation import default_sampling
from tfzoo.serving.signatures import ServedModel
from tfzoo.serving.warmup import write_warmup

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def export(model, tokenizer, folder) -> Path:
    """Writes the next version of a served model: 1, 2, 3, ...

    It is written aside and then renamed, so a server that watches the folder sees whole versions
    only. To load it needs TensorFlow and tensorflow-text's ops, and nothing of tfzoo or Keras.

    Args:
        model: a decoder.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        folder: path, the parent of the versions; made if it is missing.

    Returns:
        Path of the new version.

    Raises:
        UsageError: if the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = tempfile.mkdtemp(prefix=".writing-", dir=folder)
        try:
            _write(model, tokenizer, aside, model_name=folder.resolve().name)
            return _publish(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        full = getattr(error, "errno", errno.ENOSPC) in _FULL
        raise UsageError(
            f"--export_dir={folder} cannot be written ({error}). "
            + ("Make room" if full else "Choose a folder that can be made and written")
            + " and export again; no half-written version was left."
        ) from error


def next_version(folder) -> int:
    """One more than the highest number that names a file or folder in `folder`."""
    names = [path.name for path in Path(folder).iterdir()]
    return 1 + max((int(name) for name in names if re.fullmatch("[0-9]+", name)), default=0)


def _write(model, tokenizer, folder, model_name):
    served = ServedModel(model, tokenizer)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(served, folder, served.functions, options)
    write_warmup(folder, model_name, _warmup_requests(tokenizer.end_of_text))
    os.chmod(folder, 0o755)  # As other folders: what made it let nobody else look in.


def _publish(aside, folder) -> Path:
    """Renames to the next number that nobody else has taken meanwhile."""
    while True:
        version = folder / str(next_version(folder))
        try:
            os.rename(aside, version)
            return version
        except OSError as error:
            if error.errno not in _TAKEN:
                raise


def _warmup_requests(end_of_text):
    """One request for each signature, with every input that it has."""
    prompts = tf.constant(["Hello"])
    token_ids = tf.constant([[end_of_text]])
    return [
        ("serving_default", {"prompts": prompts}),
        ("generate", {"prompts": prompts, **default_sampling()._asdict()}),
        ("score", {"texts": prompts}),
        ("logits", {"token_ids": token_ids, "lengths": tf.constant([1])}),
    ]
