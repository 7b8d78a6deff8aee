"""What a served model answers: text to text, text to likelihood, tokens to logits.

Everything here is a plain graph of any batch size and length. What is wrong with one row is set
right or cut off in that row alone. Shape letters: b row, t token, v vocabulary.
"""

import tensorflow as tf

from tfzoo.evaluation import log_likelihood
from tfzoo.generation import DTYPES, Ends, Sampling, default_sampling, generate


class ServedModel(tf.Module):
    """A model and its tokenizer as a SavedModel needs them: variables and functions, no Keras.

    It holds the variables' values but not the model: the loader that TensorFlow Serving uses cannot
    open a SavedModel that tracks a Keras 3 model.

    Args:
        model: a decoder.
        tokenizer: a `tfzoo.tokenizers` tokenizer.

    Attributes:
        functions: dict of signature names to tf.functions.
    """

    def __init__(self, model, tokenizer):
        super().__init__(name="served_model")
        self.weights = [weight.value for weight in model.weights]
        self.text = tokenizer.graph()
        generate = _generate(model, self.text, Ends.of(tokenizer), tokenizer.opening)
        self.functions = {
            "serving_default": _serving_default(generate),
            "generate": generate,
            "score": _score(model, self.text, tokenizer.before_text),
            "logits": _logits(model, tokenizer.end_of_text),
        }


def _generate(model, text, end_of_text, opening):
    """prompts [b], and how to draw, each [1] or [b] -> completions [b]."""
    specs = [tf.TensorSpec([None], tf.string, "prompts")]
    specs += [tf.TensorSpec([None], dtype, name) for name, dtype in DTYPES._asdict().items()]
    default = default_sampling()

    @tf.function(input_signature=specs, autograph=False)
    def generate_text(
        prompts,
        max_new_tokens=default.max_new_tokens,
        temperature=default.temperature,
        top_k=default.top_k,
        top_p=default.top_p,
        seed=default.seed,
    ):
        given = (max_new_tokens, temperature, top_k, top_p, seed)
        sampling = Sampling(*(tf.broadcast_to(x, tf.shape(prompts)) for x in given))
        prompts = text.tokenize(prompts)
        is_text_before = prompts.row_lengths() > 0
        if opening:
            before = tf.tile(tf.constant([opening], tf.int32), [prompts.nrows(), 1])
            prompts = tf.concat([before, prompts], axis=1)
        new_tokens = generate(model, prompts, sampling, end_of_text)
        completions = tf.where(
            is_text_before, text.continuation(new_tokens), text.detokenize(new_tokens)
        )
        return {"completions": completions}

    return generate_text


def _serving_default(generate_text):
    """prompts [b] -> completions [b]: for REST, which must be given every input."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "prompts")], autograph=False)
    def serving_default(prompts):
        return generate_text(prompts)

    return serving_default


def _score(model, text, before_text):
    """texts [b] -> log_likelihood [b], num_tokens [b]."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "texts")], autograph=False)
    def score(texts):
        likelihood, num_tokens = log_likelihood(model, text.tokenize(texts), before_text)
        return {"log_likelihood": likelihood, "num_tokens": num_tokens}

    return score


def _logits(model, end_of_text):
    """token_ids [b, t], lengths [b] -> logits [b, t, v]; zeros where a row has no token.

    An id that the vocabulary lacks is read as end-of-text.
    """
    context, vocabulary_size = model.config.max_sequence_length, model.config.vocabulary_size
    specs = [
        tf.TensorSpec([None, None], tf.int32, "token_ids"),
        tf.TensorSpec([None], tf.int32, "lengths"),
    ]

    @tf.function(input_signature=specs, autograph=False)
    def logits(token_ids, lengths):
        width = tf.shape(token_ids)[1]
        message = f"token_ids must have at most {context} columns, which is the model's context."
        with tf.control_dependencies([tf.debugging.assert_less_equal(width, context, message)]):
            is_known = (token_ids >= 0) & (token_ids < vocabulary_size)
            token_ids = tf.where(is_known, token_ids, end_of_text)
        is_token = tf.range(width) < lengths[:, None]
        result = model(token_ids)  # Causal: what follows a row's end changes nothing before it.
        return {"logits": tf.where(is_token[..., None], tf.cast(result, tf.float32), 0.0)}

    return logits
