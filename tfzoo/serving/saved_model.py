"""From a model and its tokenizer to a folder that TensorFlow Serving serves."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.serving.check import Check, Checked, CheckFailed
from tfzoo.serving.check_requests import TEXTS
from tfzoo.serving.configuration import write_configuration
from tfzoo.serving.model_card import write_model_card
from tfzoo.serving.operations import write_operations
from tfzoo.serving.requests import write_requests
from tfzoo.serving.signatures import ServedModel
from tfzoo.serving.variants import VARIANTS
from tfzoo.serving.warmup import write_warmup

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Exported(NamedTuple):
    """What an export has written.

    Attributes:
        versions: list of paths, one a variant.
        checked: list of `Checked`, one a variant.
    """

    versions: list[Path]
    checked: list[Checked]


def export(model, tokenizer, folder, model_dir=None, **learnt) -> Path:
    """Writes the next version of a served model, as `export_variants` does it for float32 alone.

    Returns:
        Path of the new version.
    """
    return export_variants(model, tokenizer, folder, model_dir=model_dir, **learnt).versions[0]


def export_variants(
    model, tokenizer, folder, variants=("float32",), model_dir=None, texts=(), **learnt
) -> Exported:
    """Writes the next version of a served model and of its variants: 1, 2, 3, ...

    The first variant goes to the folder, each other one beside it, to FOLDER_VARIANT: a server
    serves them as models of their own. Each is written aside, moved, checked (`Check`), and renamed
    when all have passed, so a server that watches a folder sees whole versions only, which answer
    as Python does. To load one needs TensorFlow and tensorflow-text's ops, and nothing of tfzoo or
    Keras. Beside the SavedModel stand requests to try, what a server is configured with, the
    operations that it is made of, and a model card with what the check has found.

    Args:
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        folder: path, the parent of the versions; made if it is missing.
        variants: sequence of str, keys of `VARIANTS`: how weights are kept.
        model_dir: path of the run, of which the model card tells; None: it tells of none.
        texts: sequence of bytes, to check with; none: a few sentences of English.
        **learnt: what else `signatures.Subject` tells: `labels`, `prefix`, `converses`; as the
            attribute of this name has it of what `tfzoo.load` gives.

    Returns:
        `Exported`.

    Raises:
        UsageError: if the tokenizer has no exact graph face, a folder cannot be written, or there
            is no such variant.
        CheckFailed: if a variant does not pass its check; then nothing is left of any.
    """
    folders = _folders(folder, variants)
    try:
        with contextlib.ExitStack() as left:
            asides = [_aside(parent, left) for parent in folders]
            names = [parent.resolve().name for parent in folders]
            bundle = dict(zip(variants, zip(asides, names, strict=True), strict=True))
            checked = _write(model, tokenizer, bundle, model_dir, texts or TEXTS, learnt)
            pairs = zip(asides, folders, strict=True)
            return Exported([_publish(aside, parent) for aside, parent in pairs], checked)
    except CheckFailed as error:
        raise CheckFailed(
            f"--export_dir={folder}: the export does not pass its check, and nothing was left of "
            f"it. {error}. Numbers that are not finite come of training: train anew, with a "
            "smaller --learning_rate. A variant that is too far from float32 is to be left out of "
            "--variants. Else files or memory are at fault: export again."
        ) from error
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


def _folders(folder, variants):
    """The parents of the versions, one a variant."""
    unknown = [variant for variant in variants if variant not in VARIANTS]
    if unknown or not variants or len(set(variants)) < len(variants):
        raise UsageError(
            f"--variants must be some of {','.join(VARIANTS)}, each once. "
            f"Received: --variants={','.join(variants)}"
        )
    first = Path(folder)
    return [first, *(first.with_name(f"{first.name}_{variant}") for variant in variants[1:])]


def _aside(parent, left):
    """A new folder in the parent; what is still there when `left` is closed is removed."""
    made = not parent.exists()
    parent.mkdir(parents=True, exist_ok=True)
    if made:
        left.callback(_remove_empty, parent)
    aside = tempfile.mkdtemp(prefix=".writing-", dir=parent)
    left.callback(shutil.rmtree, aside, ignore_errors=True)
    return aside


def _remove_empty(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()


def _write(model, tokenizer, bundle, model_dir, texts, learnt):
    """Fills the folders of a bundle, and gives what the check has found.

    Args:
        bundle: dict, variant to its folder and the name that it will be served under.
    """
    as_it_is = ServedModel(model, tokenizer, **learnt)
    check = Check(as_it_is, model.compute_dtype, texts)
    names = [name for _, name in bundle.values()]
    checked = []
    for variant, (folder, name) in bundle.items():
        served = as_it_is
        if variant != "float32":
            served = ServedModel(model, tokenizer, variant, **learnt)
        write_version(served, folder, name, names)
        checked.append(check(variant, served, folder))
    for variant, (folder, name) in bundle.items():
        about = {"variant": variant, "checked": checked, "model_dir": model_dir}
        write_model_card(folder, name, as_it_is, model, tokenizer, **about)
        os.chmod(folder, 0o755)  # As other folders: what made it let nobody else look in.
    return checked


def write_version(served, folder, name, names):
    """Writes the SavedModel, and what servers and clients need beside it; checks nothing.

    Args:
        served: `ServedModel`.
        folder: path, empty or missing; its parent is there.
        name: str, by which clients will ask for it.
        names: list of str, of all models that a server is to serve with it.
    """
    _save(served, folder)
    examples = list(served.examples.items())
    write_warmup(folder, name, examples)
    write_requests(folder, name, examples)
    write_configuration(folder, names)
    write_operations(folder)


def _save(served, folder):
    """Writes a SavedModel in another place, and moves it: what it holds must not name that."""
    elsewhere = f"{folder}-elsewhere"
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        tf.saved_model.save(served, elsewhere, served.functions, options)
        os.rename(elsewhere, folder)
    finally:
        shutil.rmtree(elsewhere, ignore_errors=True)


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
