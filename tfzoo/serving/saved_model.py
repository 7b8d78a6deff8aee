"""From a model and its tokenizer to a folder that TensorFlow Serving serves."""

import errno
import os
import re
import shutil
import tempfile
from pathlib import Path

import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.serving.configuration import write_configuration
from tfzoo.serving.model_card import write_model_card
from tfzoo.serving.operations import write_operations
from tfzoo.serving.requests import write_requests
from tfzoo.serving.signatures import ServedModel
from tfzoo.serving.warmup import write_warmup

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def export(model, tokenizer, folder, model_dir=None, **learnt) -> Path:
    """Writes the next version of a served model: 1, 2, 3, ...

    It is written aside and then renamed, so a server that watches the folder sees whole versions
    only. To load it needs TensorFlow and tensorflow-text's ops, and nothing of tfzoo or Keras.
    Beside the SavedModel stand requests to try, what a server is configured with, the operations
    that it is made of, and a model card.

    Args:
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        folder: path, the parent of the versions; made if it is missing.
        model_dir: path of the run, of which the model card tells; None: it tells of none.
        **learnt: what else `signatures.Subject` tells: `labels`, `prefix`, `converses`; as the
            attribute of this name has it of what `tfzoo.load` gives.

    Returns:
        Path of the new version.

    Raises:
        UsageError: if the tokenizer has no exact graph face, or the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = tempfile.mkdtemp(prefix=".writing-", dir=folder)
        try:
            _write(model, tokenizer, aside, folder.resolve().name, model_dir, learnt)
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


def _write(model, tokenizer, folder, model_name, model_dir, learnt):
    served = ServedModel(model, tokenizer, **learnt)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(served, folder, served.functions, options)
    examples = list(served.examples.items())
    write_warmup(folder, model_name, examples)
    write_requests(folder, model_name, examples)
    write_configuration(folder, model_name)
    write_operations(folder)
    write_model_card(folder, model_name, served, model, tokenizer, model_dir)
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
