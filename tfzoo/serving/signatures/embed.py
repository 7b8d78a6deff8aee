"""`embed`: the directions of texts."""

from tfzoo.layers.sentence_embedding import sentence_embedding
from tfzoo.serving.signatures import rows
from tfzoo.serving.signatures.subject import signature, texts_named


def embed(subject):
    """texts [b] -> embeddings [b, m], each of length 1."""
    model, text = subject.model, subject.text

    def answer(texts):
        read = rows.joined(subject, text.tokenize(texts))
        hidden = model.hidden_states(read.token_ids, padding_mask=read.padding_mask)
        return {"embeddings": sentence_embedding(hidden, read.padding_mask)}

    return signature(answer, [texts_named("texts")], [[b"Hello"]])
