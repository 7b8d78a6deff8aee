"""What every objective is: batches out of a store, a loss over a batch, and what to report."""

import abc
import dataclasses
from typing import ClassVar

import tensorflow as tf

from tfzoo.tokenizers.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(abc.ABC):
    """The interface of all objectives. An objective's options are its fields.

    Batches are dicts of tensors whose first dimension is the row; a row of weight 0 is there to
    fill the batch, and counts for nothing. Training batches are a pure function of (seed, step),
    what is drawn at random in them included; what evaluation draws is always the same.

    Attributes:
        kinds: tuple of str. The kinds of models that it can teach.
        data_kind: str. What it learns from: "text" is a token store, others are example stores.
        says_labels: bool. Whether names of labels are said: the tokenizer then must know them.
        has_perplexity: bool. Whether the loss is that of one choice in nats: exp of it then means
            something.
        tokenizer: Tokenizer, or None where the task needs none.
        labels: tuple of str, the classes or tags, in the order of their ids.
    """

    kinds: ClassVar[tuple[str, ...]]
    data_kind: ClassVar[str] = "text"
    says_labels: ClassVar[bool] = False
    has_perplexity: ClassVar[bool] = True

    tokenizer: Tokenizer | None = None
    labels: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, config, tokenizer, labels=()):
        """The task with the options that `config` has; the others are as by default.

        Args:
            config: any object; a field of an option's name gives its value, unless that is None.
            tokenizer: Tokenizer.
            labels: strings, the classes or tags.
        """
        given = {name: getattr(config, name, None) for name in cls.options()}
        options = {name: value for name, value in given.items() if value is not None}
        return cls(tokenizer=tokenizer, labels=tuple(labels), **options)

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the fields that a user may set."""
        fields = (field.name for field in dataclasses.fields(cls) if field.init)
        return tuple(name for name in fields if name not in ("tokenizer", "labels"))

    def check_labels(self) -> None:  # noqa: B027  Most tasks have nothing to refuse.
        """Raises UsageError if the tokenizer cannot tell labels apart whose names are said."""

    def heads(self) -> dict:
        """The heads that the model must have: name -> a new Keras layer."""
        return {}

    @abc.abstractmethod
    def training_batches(
        self,
        store,
        *,
        sequence_length: int,
        global_batch_size: int,
        seed: int,
        first_step: int = 1,
        rows: tuple[int, int] | None = None,
    ) -> tf.data.Dataset:
        """Batches without end, each a pure function of (seed, step).

        Args:
            store: `data.TokenStore` or `data.ExampleStore`, as `data_kind` says.
            sequence_length: t, tokens a row at most.
            global_batch_size: rows a step, of all workers together.
            seed: int, of the order and of all that is drawn.
            first_step: step of the first batch; steps count from 1.
            rows: (start, stop), the rows of each step to give; None means all.
        """

    @abc.abstractmethod
    def evaluation_batches(
        self, store, *, sequence_length: int, batch_size: int, shard: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """The whole store once over all shards, in order; the same whenever it is asked for.

        Args:
            store: as in `training_batches`.
            sequence_length: t, tokens a row at most.
            batch_size: b, rows a batch of one shard.
            shard: (index, count). Each shard gives the same number of batches.
        """

    @abc.abstractmethod
    def num_evaluation_batches(
        self, store, *, sequence_length: int, batch_size: int, num_shards: int = 1
    ) -> int:
        """Number of batches of each shard of `evaluation_batches`."""

    @abc.abstractmethod
    def loss(self, model, batch, training=None, label_smoothing=0.0):
        """The loss SUMMED over the batch's targets; divide by the sum of `batch["weights"]`.

        Args:
            model: of one of `kinds`, with the task's heads.
            batch: dict of tensors, as the batches hold.
            training: bool. Whether dropout is on.
            label_smoothing: float in [0, 1), the share of each target spread over all classes.

        Returns:
            float32 scalar, in nats if `has_perplexity`.
        """

    @abc.abstractmethod
    def measures(self, model, batch) -> dict:
        """Sums over a batch: name -> float scalar, vector or matrix.

        They may be added over batches and replicas; "loss" and "num_targets" are always there.
        """

    @abc.abstractmethod
    def results(self, sums: dict) -> dict[str, float]:
        """What the sums of all batches say: name -> number; "loss" is always there."""
