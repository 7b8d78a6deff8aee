"""`python -m tfzoo.convert`: a folder of transformers in, a folder of transformers out."""

import contextlib
import dataclasses
import json
import os
import shutil
import sys
from dataclasses import field
from pathlib import Path

from tfzoo import flags
from tfzoo.errors import UsageError
from tfzoo.training.config import TrainConfig

_PUBLISHED = "published.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertFlags:
    """The flags of `python -m tfzoo.convert`."""

    source: str = field(
        default="",
        metadata={
            "flag": "from",
            "help": "Folder as transformers saves it (config.json, safetensors, a tokenizer), or "
            "its name on the hub; or keras_hub: and a preset's folder.",
        },
    )
    model_dir: str = field(
        default="", metadata={"help": "Folder of a model of tfzoo: new with --from."}
    )
    to: str = field(
        default="", metadata={"help": "New folder for transformers, made of --model_dir."}
    )


def convert(given: ConvertFlags) -> int:
    """Makes a model of tfzoo from a folder of transformers, or such a folder from a model of tfzoo.

    python -m tfzoo.convert --from=gpt2_folder --model_dir=runs/gpt2
    python -m tfzoo.convert --model_dir=runs/mine --to=mine_for_transformers

    Neither torch nor transformers is needed. Every tensor and every switch of config.json is used,
    or refused by name. What was read and is written again is the same, bit for bit. The model can
    then be continued, scored, evaluated and exported, and training begin with it (--init_from).
    """
    if not given.model_dir or bool(given.source) == bool(given.to):
        raise UsageError("Give --model_dir, and one of --from and --to.")
    return _take_in(given) if given.source else _give_out(given)


def _take_in(given):
    from tfzoo import pretrained
    from tfzoo.training.model_dir import write_trained

    loaded = pretrained.load(given.source)
    config = TrainConfig(
        model_dir=os.path.abspath(given.model_dir),
        task=_task_of(loaded.model),
        sequence_length=loaded.model.config.max_sequence_length,
        export_dir="",
    )
    with _new_folder(given.model_dir, "--model_dir") as aside:
        write_trained(aside, config, loaded.model, loaded.tokenizer, loaded.labels)
        flags.write(config, aside / "train.flags")
        (aside / _PUBLISHED).write_text(json.dumps(dataclasses.asdict(loaded.published)) + "\n")
    print(f"{given.model_dir}: {loaded.model.count_params():,} weights of {given.source}.")
    if new := _new_parts(loaded):
        print(f"Not in the checkpoint, so with random weights: {', '.join(new)}.")
    return 0


def _new_parts(loaded) -> list[str]:
    """Names of the parts that the model has by itself and the checkpoint has not."""
    from tfzoo import pretrained

    family = pretrained.FAMILIES[loaded.published.config["model_type"]]
    own = [part.name for part in family.parts(loaded.model.config) if part.head is None]
    return [name for name in own if name not in loaded.published.parts]


def _task_of(model) -> str:
    """The task whose measures fit a model: that of its head for labels, if it has one."""
    for name in ("classification", "regression", "token_classification"):
        if name in model.heads:
            return name
    kinds = {"decoder": "causal_lm", "encoder": "masked_lm", "encoder_decoder": "translation"}
    return kinds[model.kind]


def _give_out(given):
    from tfzoo import pretrained, zoo
    from tfzoo.training.model_dir import ModelDir

    trained = zoo.load(given.model_dir)
    kept = Path(given.model_dir) / _PUBLISHED
    published = None
    if kept.exists():
        published = pretrained.Published(**json.loads(kept.read_bytes()))
    labels = ModelDir(given.model_dir).facts().get("labels", ())
    with _new_folder(given.to, "--to") as aside:
        pretrained.save(aside, trained.model, trained.tokenizer, labels, published)
    print(f"{given.to}: for transformers.")
    return 0


@contextlib.contextmanager
def _new_folder(path, flag):
    """A folder aside, which gets its name when all is written, and is deleted otherwise.

    Raises:
        UsageError: if the folder holds anything, or cannot be written.
    """
    folder = Path(os.path.abspath(path))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{flag}={path} holds something already. Give a new folder.")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        aside.mkdir(parents=True)
        yield aside
        os.replace(aside, folder)
    except OSError as error:
        raise UsageError(
            f"{flag}={path} cannot be written ({error}). Make room, or choose another folder; "
            "nothing was left half-written."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def main(argv=None) -> int:
    """The program; returns its exit code."""
    return flags.run(convert, ConvertFlags, argv)


if __name__ == "__main__":
    sys.exit(main())
