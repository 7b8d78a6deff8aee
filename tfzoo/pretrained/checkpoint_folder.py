"""A folder as transformers saves it: `config.json` and safetensors, whole or in shards."""

import contextlib
import functools
import json
from pathlib import Path

import ml_dtypes  # noqa: F401  Makes "bfloat16" a dtype of numpy.
import numpy as np
import safetensors

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.pretrained import generation_config

_INDEX = "model.safetensors.index.json"
_OTHERS = ("*.bin", "*.h5", "*.msgpack", "*.pt", "*.pth", "*.ckpt*", "*.onnx")
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


class CheckpointFolder:
    """The tensors of a checkpoint by name, read one at a time, and its configuration.

    Args:
        path: the folder.
        flag: str, what named it, for messages.

    Attributes:
        path: Path.
        config: dict, what `config.json` holds.

    Raises:
        UsageError: if it is not such a folder, or a file of it is damaged or not its own.
    """

    config_name = "config.json"
    weights_name = "model.safetensors"

    def __init__(self, path, flag: str = "--from"):
        self.path = Path(path)
        self.flag = flag
        if not self.path.is_dir():
            raise self.fault("is not a folder", "Give a folder with config.json and safetensors")
        self.config = self.json(self.config_name)

    def fault(self, what: str, remedy: str) -> UsageError:
        """The error that says what is wrong with the folder, and the way out."""
        return UsageError(f"{self.flag}={self.path} {what}. {remedy}.")

    def file(self, name: str) -> Path:
        """The path of one of the folder's files.

        Raises:
            UsageError: if there is none, or it is a link to somewhere else.
        """
        path = self.path / name
        if Path(name).name != name:
            raise self.fault(f"names a file outside of itself, {name!r}", "Copy the folder again")
        if not path.exists():
            raise self.fault(f"has no {name}", "Copy the missing file there")
        if not self._is_own(path):
            raise self.fault(
                f"has a {name} that is a link to {path.resolve()}, outside of the folder",
                "Put the file itself there",
            )
        return path

    def json(self, name: str) -> dict:
        """What one of the folder's JSON files holds.

        Raises:
            UsageError: if it is missing, or no JSON object.
        """
        try:
            found = json.loads(self.file(name).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise self.fault(f"has a {name} that is not JSON ({error})", "Copy it again") from error
        if not isinstance(found, dict):
            raise self.fault(f"has a {name} that is no JSON object", "Copy it again")
        return found

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names of all tensors, in order, and their shapes."""
        return {name: shape for name, (shape, _, _) in self._headers.items()}

    @functools.cached_property
    def dtypes(self) -> dict[str, str]:
        """Names of all tensors and their dtypes, as safetensors calls them: F32, F16, BF16, ..."""
        return {name: dtype for name, (_, dtype, _) in self._headers.items()}

    @functools.cached_property
    def generation(self) -> dict:
        """What `generation_config.json` holds; nothing where there is none."""
        name = generation_config.FILE
        return self.json(name) if (self.path / name).exists() else {}

    @functools.cached_property
    def tokenizer(self) -> tokenizers.Tokenizer:
        """The tokenizer that is beside the model."""
        return tokenizers.load(self.path)

    def read(self, name: str) -> np.ndarray:
        """One tensor, in its own dtype.

        Raises:
            UsageError: if it is no float32, float16 or bfloat16, or not all of it is finite.
        """
        if self.dtypes[name] not in DTYPES:
            raise self.fault(
                f"has {name} in {self.dtypes[name]}, and a weight must be one of "
                f"{', '.join(DTYPES)}",
                "Save the model in one of these",
            )
        tensor = self._tensor(name)
        if not np.isfinite(tensor).all():
            raise self.fault(
                f"has a {name} that holds NaN or infinity", "Copy the file again, or train again"
            )
        return tensor

    def same(self, name: str, other: str) -> bool:
        """Whether it has both tensors, and with the same numbers."""
        shapes = [self.shapes.get(tensor) for tensor in (name, other)]
        return None not in shapes and np.array_equal(self.read(name), self.read(other))

    def _tensor(self, name):
        with self._opened(self._headers[name][2]) as file:
            return file.get_tensor(name)

    @functools.cached_property
    def _headers(self) -> dict:
        """Names of tensors to their shape, dtype and file; also of those that no index tells of."""
        found = {}
        for shard in dict.fromkeys(self._places.values()):
            with self._opened(shard) as file:
                for name in file.keys():  # noqa: SIM118  It is no dict.
                    part = file.get_slice(name)
                    if self._places.get(name, shard) == shard:
                        found[name] = (tuple(part.get_shape()), part.get_dtype(), shard)
        if missing := sorted(self._places.keys() - found.keys()):
            raise self.fault(
                f"has no tensor {missing[0]}, which {_INDEX} tells of", "Copy the shards again"
            )
        return found

    @functools.cached_property
    def _places(self) -> dict[str, str]:
        """Names of tensors and the files that hold them."""
        if (self.path / self.weights_name).exists():
            with self._opened(self.weights_name) as file:
                return dict.fromkeys(file.keys(), self.weights_name)
        if (self.path / _INDEX).exists():
            places = self.json(_INDEX).get("weight_map")
            if not isinstance(places, dict) or not all(isinstance(x, str) for x in places.values()):
                raise self.fault(f"has a {_INDEX} without a weight_map", "Copy it again")
            return places
        if others := [path.name for form in _OTHERS for path in sorted(self.path.glob(form))]:
            raise self.fault(
                f"has no {self.weights_name}, only {others[0]}, which is not read: pickles run "
                "code, and the others are of other programs",
                "Convert it once where transformers is installed: AutoModel.from_pretrained("
                "FOLDER).save_pretrained(NEW_FOLDER) with the class that config.json's "
                f"`architectures` names writes {self.weights_name}",
            )
        raise self.fault(f"has neither {self.weights_name} nor {_INDEX}", "Copy it there")

    @contextlib.contextmanager
    def _opened(self, name: str):
        try:
            with safetensors.safe_open(self.file(name), framework="numpy") as file:
                yield file
        except (safetensors.SafetensorError, OSError, TypeError) as error:
            raise self.fault(
                f"has a {name} that is cut short or damaged ({error})", "Copy it again"
            ) from error

    def _is_own(self, path: Path) -> bool:
        """Whether a file lies in the folder, or where a hub's cache keeps the files of a folder."""
        places = [self.path.resolve()]
        if places[0].parent.name == "snapshots":
            places.append(places[0].parent.parent / "blobs")
        return any(path.resolve().is_relative_to(place) for place in places)
