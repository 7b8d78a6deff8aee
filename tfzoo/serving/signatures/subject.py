"""What is served, and what a signature is."""

import dataclasses
import inspect
from typing import Any, NamedTuple

import tensorflow as tf

from tfzoo.generation import Ends, TokenBytes, Writer
from tfzoo.tasks import sequences


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and its tokenizer, as signatures use them.

    Attributes:
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        text: its graph face.
        labels: tuple of str, names of the labels of the model's head, in order; none: LABEL_0, ...
        prefix: str, what an encoder-decoder has had before each source.
        converses: bool. Whether a decoder has learnt dialogues.
    """

    model: Any
    tokenizer: Any
    text: Any
    labels: tuple[str, ...] = ()
    prefix: str = ""
    converses: bool = False

    @property
    def context(self) -> int:
        """Tokens that a row may have."""
        return self.model.config.max_sequence_length

    @property
    def writer(self) -> Writer:
        """The model as one that writes."""
        return Writer(self.model, *self.ends, TokenBytes(self.tokenizer))

    @property
    def ends(self) -> tuple[Ends, int | None]:
        """The id that ends what the model writes, and what an encoder-decoder starts it with."""
        if self.model.kind != "encoder_decoder":
            return Ends.of(self.tokenizer), None
        end = sequences.end_id(self.tokenizer)
        return Ends.of(self.tokenizer, end), sequences.start_id(self.tokenizer)


class Signature(NamedTuple):
    """One thing that a server can be asked for.

    Attributes:
        function: tf.function of tensors whose first dimension is the row; those of options may be
            [1], for all rows. It gives a dict of tensors with as many rows.
        example: dict, an array of one row for each input.
    """

    function: Any
    example: dict


def signature(answer, inputs, example, defaults=()) -> Signature:
    """The signature of a function.

    Args:
        answer: function of tensors, giving a dict of tensors.
        inputs: list of `tf.TensorSpec` with names.
        example: list of arrays, one an input.
        defaults: sequence of tensors, those of the last inputs.
    """
    kind, needed = inspect.Parameter.POSITIONAL_OR_KEYWORD, len(inputs) - len(defaults)
    values = [inspect.Parameter.empty] * needed + list(defaults)
    parameters = [
        inspect.Parameter(spec.name, kind, default=value)
        for spec, value in zip(inputs, values, strict=True)
    ]

    def named(*given):
        return answer(*given)

    named.__signature__ = inspect.Signature(parameters)  # TensorFlow takes names and defaults here.
    function = tf.function(named, input_signature=inputs, autograph=False)
    return Signature(function, {spec.name: x for spec, x in zip(inputs, example, strict=True)})


def with_options(answer, text, example, defaults) -> Signature:
    """The signature of a function of texts and of options, which may be left out.

    Args:
        answer: function of the texts, and of a record of the options with one value a row.
        text: `tf.TensorSpec` of the texts.
        example: list, texts of one row.
        defaults: record (a NamedTuple) of tensors (1,), or (1, any).
    """

    def with_record(texts, *options):
        num_rows = tf.shape(texts)[:1]
        return answer(texts, type(defaults)(*(_for_rows(x, num_rows) for x in options)))

    named = defaults._asdict().items()
    specs = [tf.TensorSpec([None] * x.shape.rank, x.dtype, name) for name, x in named]
    examples = [example, *(value.numpy() for value in defaults)]
    return signature(with_record, [text, *specs], examples, defaults)


def _for_rows(option, num_rows):
    """An option of one row as one of `num_rows`, int32 (1,), rows."""
    if option.shape.rank == 1:
        return tf.broadcast_to(option, num_rows)
    return tf.broadcast_to(option, tf.concat([num_rows, tf.shape(option)[1:]], 0))


def texts_named(name) -> tf.TensorSpec:
    """An input of one text a row."""
    return tf.TensorSpec([None], tf.string, name)
