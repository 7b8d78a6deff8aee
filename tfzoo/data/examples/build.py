"""Encodes the examples of a source once: finds their stores, or builds them."""

import dataclasses
import os
import warnings
from collections.abc import Callable

from tfzoo.data import store_folders
from tfzoo.data.examples.sides import SPLIT_BY, TRAIN, VALIDATION, side
from tfzoo.data.examples.source import ExampleSource, text_bytes
from tfzoo.data.examples.store import FORMAT, ExampleStore, ExampleStoreWriter
from tfzoo.errors import UsageError

SHELF = "example_stores"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExampleSplit:
    """The training and the validation examples, and the folder that holds the former."""

    train: ExampleStore
    validation: ExampleStore
    folder: str


def build_example_store(
    source: ExampleSource,
    columns: dict[str, Callable],
    *,
    recipe: str,
    data_dir: str,
    validation_fraction: float = 0.1,
    validation_source: ExampleSource | None = None,
    split_by: str | None = None,
    progress: bool = True,
) -> ExampleSplit:
    """The example stores of a source; built, unless `data_dir` has them for this recipe.

    Args:
        source: the examples.
        columns: name to function of an example, which gives a list of token ids, an int or a
            float: for all examples the same.
        recipe: what `columns` compute, as a fingerprint: all that decides it (task, options,
            tokenizer, labels) must be in it.
        data_dir: folder of the stores.
        validation_fraction: share held out from the source (`sides.side`); unused when
            there is a `validation_source`.
        validation_source: examples to validate on, of the same kind.
        split_by: role whose text decides what is held out; None means the kind's own.
        progress: whether to show a progress bar on standard error while building.

    Returns:
        An `ExampleSplit`.

    Raises:
        UsageError: if rows are bad, a part is empty, files are in both sources, validation
            has labels that training lacks, or there is no room in `data_dir`.
    """
    split_by = split_by or SPLIT_BY[source.kind]
    if split_by not in source.roles:
        raise ValueError(f"`split_by` must be one of {source.roles}. Received: {split_by!r}.")
    options = {"recipe": recipe, "data_dir": data_dir, "progress": progress}
    if validation_source is None:
        if not 0 < validation_fraction < 1:
            raise UsageError(
                f"--validation_fraction must be in (0, 1). Received: {validation_fraction}."
            )
        folder = _stored(source, columns, (validation_fraction, split_by), **options)
        train, validation = (ExampleStore(os.path.join(folder, use)) for use in (TRAIN, VALIDATION))
        return ExampleSplit(train=train, validation=validation, folder=folder)
    _refuse_overlap(source, validation_source)
    both = [_stored(one, columns, None, **options) for one in (source, validation_source)]
    train, validation = (ExampleStore(os.path.join(folder, TRAIN)) for folder in both)
    return ExampleSplit(train=train, validation=validation, folder=both[0])


def build_whole_example_store(
    source: ExampleSource,
    columns: dict[str, Callable],
    *,
    recipe: str,
    data_dir: str,
    progress: bool = True,
) -> ExampleStore:
    """The example store of a source of which nothing is held out. See `build_example_store`."""
    folder = _stored(source, columns, None, recipe=recipe, data_dir=data_dir, progress=progress)
    return ExampleStore(os.path.join(folder, TRAIN))


def _stored(source, columns, held_out, *, recipe, data_dir, progress) -> str:
    """The folder of the whole stores of these fingerprints, found or built.

    Args:
        held_out: (share, role that decides), or None to hold out nothing.
    """
    uses = (TRAIN, VALIDATION) if held_out else (TRAIN,)
    made_from = {
        "source": source.fingerprint,
        "recipe": recipe,
        "columns": sorted(columns),
        "held_out": [str(fact) for fact in held_out or ()],
        "on_bad_rows": source.on_bad_rows,
    }

    def check(folder):
        for use in uses:
            ExampleStore(os.path.join(folder, use))

    def write(folder):
        _write(source, columns, held_out, folder, uses, made_from, progress)

    made = [FORMAT, made_from]
    folder = store_folders.found_or_built(data_dir, SHELF, made, check=check, write=write)
    if source.num_bad_rows is None:
        source.num_bad_rows = ExampleStore(os.path.join(folder, TRAIN)).manifest["num_bad_rows"]
        if source.num_bad_rows:
            warnings.warn(f"{source.left_out()} when it was encoded.", stacklevel=3)
    return folder


def _write(source, columns, held_out, folder, uses, made_from, progress) -> None:
    writers = {use: ExampleStoreWriter(os.path.join(folder, use), columns) for use in uses}
    try:
        with store_folders.progress_bar(source.name, source.total_bytes, progress) as advance:
            _encode(source, columns, held_out, writers, advance)
        _refuse_empty(source, writers, held_out)
        facts = {
            "labels": source.labels,
            "num_bad_rows": source.num_bad_rows,
            "made_from": {"name": source.name, "kind": source.kind, **made_from},
        }
        for writer in writers.values():
            writer.finish(facts)
    finally:
        for writer in writers.values():
            writer.close()


def _encode(source, columns, held_out, writers, advance) -> None:
    for example in source.examples():
        use = side(example, source.kind, *held_out) if held_out else TRAIN
        values = {name: column(example) for name, column in columns.items()}
        sizes = text_bytes(example)
        writers[use].append(values, sizes)
        advance(sum(sizes.values()))


def _refuse_empty(source, writers, held_out) -> None:
    empty = [use for use, writer in writers.items() if not writer.num_examples]
    if len(empty) == len(writers):
        raise UsageError(f"{source.flag}: there are no examples in {source.name}.")
    if empty:
        raise UsageError(
            f"--validation_fraction={held_out[0]} leaves no example of {source.name} for "
            f"{empty[0]}. Give another fraction, more examples, or --validation_files."
        )


def _refuse_overlap(source, validation_source) -> None:
    if source.kind != validation_source.kind:
        raise ValueError(
            f"`validation_source` must be of the kind of `source`. Received: "
            f"{validation_source.kind!r} and {source.kind!r}."
        )
    both = sorted(set(source.paths) & set(validation_source.paths))
    if both:
        raise UsageError(
            f"--validation_files: {both[0]} is also a training file. Take it out of one of the two."
        )
    refuse_unknown_labels(validation_source, source.labels)


def refuse_unknown_labels(source: ExampleSource, labels) -> None:
    """Raises UsageError if the source has labels that are not among those of the training."""
    unknown = sorted(set(source.labels) - set(labels))
    if unknown:
        raise UsageError(
            f"{source.flag}: {source.name} has labels that no training example has: "
            f"{unknown[:10]}. The training labels are {list(labels[:20])}."
        )
