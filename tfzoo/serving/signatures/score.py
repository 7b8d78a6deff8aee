"""`score`: how likely texts are."""

from tfzoo.evaluation import log_likelihood
from tfzoo.serving.signatures.subject import signature, texts_named


def score(subject):
    """texts [b] -> log_likelihood [b], num_tokens [b]."""
    model, text, before_text = subject.model, subject.text, subject.tokenizer.before_text

    def answer(texts):
        likelihood, num_tokens = log_likelihood(model, text.tokenize(texts), before_text)
        return {"log_likelihood": likelihood, "num_tokens": num_tokens}

    return signature(answer, [texts_named("texts")], [[b"Hello"]])
