"""What a served model answers. Everything here is a plain graph of any batch size and length.

A signature is a function of `Subject`, in the file of its name or of its kin. What is wrong with
one row is set right or cut off in that row alone. Shape letters: b row, t token, v vocabulary.
"""

import numpy as np
import tensorflow as tf

from tfzoo.serving.signatures.chat import chat
from tfzoo.serving.signatures.classify import classify, classify_pairs, regress, regress_pairs
from tfzoo.serving.signatures.embed import embed
from tfzoo.serving.signatures.fill_mask import fill_mask
from tfzoo.serving.signatures.generate import generate, generate_beams, generate_scored
from tfzoo.serving.signatures.logits import logits
from tfzoo.serving.signatures.score import score
from tfzoo.serving.signatures.steps import decode_step, prefill
from tfzoo.serving.signatures.subject import Signature, Subject
from tfzoo.serving.signatures.tag import tag
from tfzoo.serving.signatures.tokens import detokenize, tokenize
from tfzoo.serving.signatures.translate import translate, translate_beams
from tfzoo.serving.variants import kept, reading

__all__ = ["SIGNATURES", "ServedModel", "Signature", "Subject", "offered"]

SIGNATURES = {
    "generate": generate,
    "generate_scored": generate_scored,
    "generate_beams": generate_beams,
    "chat": chat,
    "score": score,
    "logits": logits,
    "prefill": prefill,
    "decode_step": decode_step,
    "embed": embed,
    "fill_mask": fill_mask,
    "classify": classify,
    "classify_pairs": classify_pairs,
    "regress": regress,
    "regress_pairs": regress_pairs,
    "tag": tag,
    "translate": translate,
    "translate_beams": translate_beams,
    "tokenize": tokenize,
    "detokenize": detokenize,
}

WRITES = ("generate", "generate_scored", "generate_beams", "score", "logits")
WRITES += ("prefill", "decode_step")

# By the kind of model and what it has learnt: "words" if nothing else. The first is the default.
OFFERED = {
    ("decoder", "words"): WRITES,
    ("decoder", "dialogue"): ("chat", *WRITES),
    ("decoder", "classification"): ("classify", "classify_pairs"),
    ("decoder", "regression"): ("regress", "regress_pairs"),
    ("encoder", "words"): ("fill_mask", "embed", "logits"),
    ("encoder", "classification"): ("classify", "classify_pairs", "embed"),
    ("encoder", "regression"): ("regress", "regress_pairs", "embed"),
    ("encoder", "token_classification"): ("tag", "embed"),
    ("encoder", "sentence_embedding"): ("embed",),
    ("encoder_decoder", "words"): ("translate", "translate_beams", "prefill", "decode_step"),
}
HEADS = ("classification", "regression", "token_classification", "sentence_embedding")


class ServedModel(tf.Module):
    """A model and its tokenizer as a SavedModel needs them: variables and functions, no Keras.

    It holds the variables' values but not the model: the loader that TensorFlow Serving uses cannot
    open a SavedModel that tracks a Keras 3 model.

    Args:
        model: `models.Model`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        variant: str, a key of `variants.VARIANTS`: how weights are kept.
        **learnt: `labels`, `prefix` and `converses`, as `Subject` has them.

    Attributes:
        functions: dict of signature names to tf.functions.
        examples: dict of signature names to dicts, an array for each input.

    Raises:
        UsageError: with the reason, if the tokenizer has no graph face.
    """

    def __init__(self, model, tokenizer, variant="float32", **learnt):
        super().__init__(name="served_model")
        self.weights = kept(model.weights, variant)
        self.text = tokenizer.graph()
        subject = Subject(model=model, tokenizer=tokenizer, text=self.text, **learnt)
        found = {name: self._reading(SIGNATURES[name](subject), model) for name in offered(subject)}
        found = {"serving_default": _with_text_alone(next(iter(found.values()))), **found}
        self.functions = {name: one.function for name, one in found.items()}
        self.examples = {name: one.example for name, one in found.items()}

    def _reading(self, signature, model):
        function = reading(signature.function, model.weights, self.weights)
        return signature._replace(function=function)


def offered(subject) -> tuple[str, ...]:
    """Names of the signatures that a model has, the one that answers by default first."""
    learnt = next((head for head in HEADS if head in subject.model.heads), "words")
    names = OFFERED[subject.model.kind, "dialogue" if subject.converses else learnt]
    if "mask" not in subject.tokenizer.special_ids:
        names = tuple(name for name in names if name != "fill_mask")
    return (*names, "tokenize", "detokenize")


def _with_text_alone(signature) -> Signature:
    """The signature for REST, which must be given every input: options are as by default."""
    name, example = next(iter(signature.example.items()))
    spec = tf.TensorSpec([None] * np.ndim(example), tf.string, name)

    @tf.function(input_signature=[spec], autograph=False)
    def serving_default(texts):
        return signature.function(texts)

    return Signature(serving_default, {name: example})
