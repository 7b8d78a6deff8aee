"""Presets of keras-hub, which loads them, read as if transformers had saved them."""

import contextlib
import functools

from tfzoo.errors import UsageError
from tfzoo.pretrained.checkpoint_folder import CheckpointFolder
from tfzoo.pretrained.keras_hub_class import BackboneClass, Tensor, output_table
from tfzoo.pretrained.keras_hub_encoders import ENCODERS
from tfzoo.pretrained.keras_hub_gpt import GPTS
from tfzoo.pretrained.keras_hub_heads import BACKBONE_ALONE
from tfzoo.pretrained.keras_hub_llama import LLAMAS
from tfzoo.pretrained.keras_hub_t5 import T5
from tfzoo.pretrained.keras_hub_tokenizers import tokenizer_of

PREFIX = "keras_hub:"
BACKBONES: dict[str, BackboneClass] = {**GPTS, **LLAMAS, **ENCODERS, "T5Backbone": T5}
_REACH = "Check the name and the network, or give the folder of a preset"


class Preset(CheckpointFolder):
    """A preset of keras-hub, with the tensors and the configuration of a folder of transformers.

    A task's head is read where the preset has its weights; else the backbone alone, with the table
    that writes where it has one.

    Args:
        name: str, "keras_hub:" and a preset's folder, or its name where keras-hub can fetch it.
        flag: str, what named it, for messages.

    Raises:
        UsageError: if keras-hub is not installed or cannot load the preset, or if anything of it
            would be computed or encoded otherwise here.
    """

    def __init__(self, name: str, flag: str = "--from"):
        self.path, self.flag = name, flag
        self.generation = {}
        known, head, loaded = self._load(self._keras_hub(), name.removeprefix(PREFIX))
        backbone, task, tokenizer = loaded
        if head is not None:
            head.check(task, self.fault)
        self.config = {
            "model_type": known.model_type,
            "architectures": [(head or known).architecture],
            **known.config(backbone, tokenizer, self.fault),
        }
        self._tensors = _tensors(known, head, *loaded)
        self._check_all_used((task or backbone).weights)
        self.tokenizer = tokenizer_of(tokenizer, backbone.vocabulary_size, self.fault)

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    @functools.cached_property
    def dtypes(self) -> dict[str, str]:
        return dict.fromkeys(self._tensors, "F32")

    def _tensor(self, name):
        return self._tensors[name].read()

    def _load(self, hub, preset):
        """What is known of the classes of a preset and of its head, and what keras-hub loads."""
        with self._faults_of_keras_hub(_REACH):
            config, task_name = _described(preset)
        known = self._known(config, task_name)
        with self._faults_of_keras_hub(_remedy(config)):
            loaded = _loaded(hub, preset, task_name)
        return known, known.heads.get(task_name), loaded

    def _keras_hub(self):
        try:
            import keras_hub
        except ImportError as error:
            raise UsageError(
                f"{self.flag}={self.path} needs keras-hub: pip install 'tfzoo[keras_hub]'. "
                f"({error})"
            ) from error
        return keras_hub

    @contextlib.contextmanager
    def _faults_of_keras_hub(self, remedy):
        try:
            yield
        except Exception as error:  # Each class fails in its own way: no network, no such preset.
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise self.fault(
                f"cannot be loaded by keras-hub ({reason[0][:200]})", remedy
            ) from error

    def _known(self, config, task_name) -> BackboneClass:
        """What is known of the classes that a preset names."""
        name = _class_name(config)
        if name not in BACKBONES:
            raise self.fault(
                f"is a preset of the class {name}, and known are {', '.join(BACKBONES)}",
                f"Give one of these; a folder of transformers, without {PREFIX!r} before it",
            )
        if "DTypePolicyMap" in str(config["config"].get("dtype")):
            raise self.fault("is quantized", "Give the preset that it was made of")
        known = BACKBONES[name]
        if task_name not in (None, *known.heads):
            raise self.fault(
                f"has the head of a {task_name}, and known are {', '.join(known.heads) or 'none'}",
                BACKBONE_ALONE,
            )
        return known

    def _check_all_used(self, weights):
        used = {id(weight) for tensor in self._tensors.values() for weight in tensor.weights}
        if left := [weight.path for weight in weights if id(weight) not in used]:
            raise self.fault(
                f"has weights {left[0]} that are not known here", "Install keras-hub 0.32"
            )


def _described(preset):
    """The content of a preset's `config.json`, and the class of its task if that has weights."""
    from keras_hub.src.utils import preset_utils as files  # It has no public way to them.

    config = files.load_json(preset)
    parts = (files.TASK_CONFIG_FILE, files.TASK_WEIGHTS_FILE)
    if not all(files.check_file_exists(preset, part) for part in parts):
        return config, None
    return config, _class_name(files.load_json(preset, files.TASK_CONFIG_FILE))


def _class_name(config):
    """Without its package, which once was keras_nlp."""
    return str(config.get("registered_name")).split(">")[-1]


def _remedy(config):
    """keras-hub does not load a Llama that is tied as it has saved it."""
    may_be_tied = "Llama" in _class_name(config) and "tie_word_embeddings" not in config["config"]
    if not may_be_tied:
        return _REACH
    return (
        f"{_REACH}. If its embeddings are tied, put tie_word_embeddings=true in its config.json, "
        "which keras-hub leaves out"
    )


def _loaded(hub, preset, task_name):
    """The backbone, the task on top or None, and the tokenizer."""
    tokenizer = hub.tokenizers.Tokenizer.from_preset(preset)
    if task_name is None:
        return hub.models.Backbone.from_preset(preset, dtype="float32"), None, tokenizer
    task_class = getattr(hub.models, task_name)
    task = task_class.from_preset(preset, dtype="float32", preprocessor=None)
    return task.backbone, task, tokenizer


def _tensors(known, head, backbone, task, tokenizer) -> dict[str, Tensor]:
    """All tensors by their names; those of the body have the prefix if they are not alone."""
    body, others = known.tensors(backbone, tokenizer), {}
    if known.output is not None:
        others |= output_table(known.output, backbone.token_embedding)
    if head is not None:
        others |= head.tensors(task)
    prefix = known.prefix if known.output or head else ""
    return {prefix + name: tensor for name, tensor in body.items()} | others
