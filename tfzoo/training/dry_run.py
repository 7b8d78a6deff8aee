"""What a run would need, reckoned in seconds: nothing is fetched, tokenized or allocated."""

import dataclasses
import math
import os

from tfzoo import data, tokenizers
from tfzoo.data import paths, prepared_split
from tfzoo.errors import UsageError
from tfzoo.models import registry
from tfzoo.training import distribution, model_flags, preparation, pretrained
from tfzoo.training.model_dir import ModelDir

_CHARACTERS_GUESSED = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run amounts to.

    Attributes:
        parameters: int, but for a task's head. Exact where `vocabulary_is_exact`.
        trained: int, those of them that are trained.
        vocabulary_size: int.
        vocabulary_is_exact: bool. False where it is only known once the text is read.
        flops_a_step: float. Of the matrix products, forward and backward.
        memory_bytes: float, an estimate for one device.
        tokens: float or None, of the training text; None where only fetching it tells.
        tokens_are_exact: bool.
        tokens_a_step: int.
        train_steps: int.
    """

    parameters: int
    trained: int
    vocabulary_size: int
    vocabulary_is_exact: bool
    flops_a_step: float
    memory_bytes: float
    tokens: float | None
    tokens_are_exact: bool
    tokens_a_step: int
    train_steps: int

    def __str__(self):
        about = "about " * (not self.vocabulary_is_exact)
        some = f", {self.trained:,} of them trained" * (self.trained < self.parameters)
        rows = {
            "parameters": f"{about}{self.parameters:,}{some}",
            "vocabulary": f"{about}{self.vocabulary_size:,} tokens",
            "computation": f"{self.flops_a_step:.3g} FLOPs a step",
            "memory": f"about {self.memory_bytes / 1e9:.2g} GB on each device, beside TensorFlow's",
            "text": self._text(),
            "steps": f"{self.train_steps:,} of {self.tokens_a_step:,} tokens{self._epochs()}",
        }
        return "\n".join(f"{name:<12} {value}" for name, value in rows.items())

    def _text(self):
        if self.tokens is None:
            return "not known before it is fetched"
        if self.tokens_are_exact:
            return f"{self.tokens:,} tokens to train on"
        rounded = float(f"{self.tokens:.2g}")
        return f"about {rounded:,.0f} tokens to train on, an estimate from its bytes"

    def _epochs(self):
        if not self.tokens:
            return ""
        return f", {self.train_steps * self.tokens_a_step / self.tokens:.2g} epochs"


def plan(config) -> Plan:
    """Reckons what a TrainConfig without `checks.problems` amounts to.

    Raises:
        UsageError: if the model, the tokenizer or the text that it names cannot be read.
    """
    vocabulary_size, exact = _vocabulary_size(config)
    model = model_flags.model_config(config, vocabulary_size=vocabulary_size)
    model_class = model_flags.model_class(config)
    parameters, trained = _parameters(config, vocabulary_size)
    kernels = registry.count_weights(lambda: model_class(model), "kernel")
    _refuse_too_little_text(config, model.max_sequence_length)
    tokens, tokens_are_exact = _training_tokens(config, vocabulary_size)
    tokens_a_step = config.global_batch_size * model.max_sequence_length
    return Plan(
        parameters=parameters,
        trained=trained,
        vocabulary_size=vocabulary_size,
        vocabulary_is_exact=exact,
        flops_a_step=tokens_a_step
        * _flops_a_token(config, model, model_class.kind, kernels, trained / parameters),
        memory_bytes=_memory(config, model, parameters, trained),
        tokens=tokens,
        tokens_are_exact=tokens_are_exact,
        tokens_a_step=tokens_a_step,
        train_steps=config.train_steps,
    )


def _parameters(config, vocabulary_size: int) -> tuple[int, int]:
    """How many weights the model's body and adapters have, and how many of them are trained."""
    model = model_flags.imagined_model(config, vocabulary_size=vocabulary_size)
    weights = [weight for weight in model.weights if "/heads/" not in weight.path]
    sizes = [(math.prod(weight.shape), weight.trainable) for weight in weights]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def _vocabulary_size(config) -> tuple[int, bool]:
    made = ModelDir(config.model_dir).tokenizer
    if made.is_dir():
        num_tokens = tokenizers.load(made).vocabulary_size
        return pretrained.vocabulary_size(config, num_tokens), True
    if config.init_from:
        num_tokens = pretrained.tokenizer(config).vocabulary_size
        return pretrained.vocabulary_size(config, num_tokens), True
    if config.tokenizer not in tokenizers.TOKENIZERS:
        return tokenizers.load(config.tokenizer).vocabulary_size, True
    if config.tokenizer == "bytes":
        made = tokenizers.train("bytes", (), 0, roles=preparation.roles(config))
        return made.vocabulary_size, True
    if config.tokenizer == "characters":
        return min(_CHARACTERS_GUESSED, config.vocabulary_size), False
    return config.vocabulary_size, True


def _training_tokens(config, vocabulary_size: int) -> tuple[float | None, bool]:
    counted = ModelDir(config.model_dir).facts().get("number of training tokens")
    if counted is not None:
        return counted, True
    total_bytes = _text_bytes(config)
    if total_bytes is None:
        return None, False
    share = 1.0 if config.validation_files else 1.0 - config.validation_fraction
    return total_bytes * share / _bytes_a_token(config, vocabulary_size), False


def _text_bytes(config) -> int | None:
    if config.text_files:
        return preparation.open_data(config, files=config.text_files).total_bytes
    if config.dataset.startswith(prepared_split.PREFIX):
        return prepared_split.prepared_bytes(config.dataset, os.path.expanduser(config.data_dir))
    size = getattr(data.DATASETS.get(config.dataset), "total_bytes", None)
    return size if isinstance(size, int) else None


def _refuse_too_little_text(config, sequence_length: int) -> None:
    """A token is at least a byte, and each file ends by one more. What .gz holds is not known."""
    if config.task != "causal_lm" or not config.text_files:
        return
    source = preparation.open_data(config, files=config.text_files)
    most = source.total_bytes + len(source.paths)
    if most <= sequence_length and not any(map(paths.is_gzip, source.paths)):
        raise UsageError(
            f"--sequence_length={sequence_length} needs {sequence_length + 1} tokens of training "
            f"text, and --text_files has at most {most}. Give more text or a smaller "
            "--sequence_length."
        )


def _bytes_a_token(config, vocabulary_size: int) -> float:
    """As measured on English speeches; other languages take more tokens."""
    if config.tokenizer in ("bytes", "characters"):
        return 1.0
    return min(max(2.5 + 0.53 * math.log2(vocabulary_size / 512), 1.0), 5.1)


def _flops_a_token(config, model, kind: str, kernels: int, trained: float) -> float:
    """Forward, and backward twice that (Kaplan et al., 2020, section 2.1); blocks again by --remat.

    Of the backward pass, half is for the weights: as much of it as is trained.

    A token of an encoder-decoder is one of the source and one of the target. An encoder's head is
    left out: it reads few of the tokens.

    Args:
        kernels: weights of the matrix products.
        trained: share of the weights that is trained.
    """
    t, m, v = model.max_sequence_length, model.hidden_dim, model.vocabulary_size
    if hasattr(model, "embedding_dim"):  # ALBERT's one block is that of every layer.
        kernels += (model.num_layers - 1) * (4 * m**2 + 2 * m * model.intermediate_dim)
    attentions = model.num_layers * (3 if kind == "encoder_decoder" else 1)
    blocks = 2 * kernels + 4 * attentions * t * m
    head = 0 if kind == "encoder" else 2 * v * m
    return (2 + trained + config.remat) * blocks + 3 * head


def _memory(config, model, parameters: int, trained: int) -> float:
    """Weights, gradients, moments and average; what the backward pass needs; logits twice."""
    width = 4 if config.precision == "float32" else 2
    copies = 3 + bool(config.ema_decay) + (config.num_microbatches > 1)
    weights = 4 * (parameters + trained * copies) + (0 if width == 4 else width * parameters)
    rows = config.global_batch_size / config.num_microbatches
    rows /= distribution.check(config).num_replicas
    t, m, f = model.max_sequence_length, model.hidden_dim, model.intermediate_dim
    block = rows * t * (8 * m + 2 * f + 2 * model.num_heads * t) * width
    kept = rows * t * m * width if config.remat else block
    logits = 2 * rows * t * model.vocabulary_size * 4
    return weights + model.num_layers * kept + block + logits
