"""A trained model that reads, with its tokenizer: labels, numbers, tags, words, directions."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.generation import checked_texts
from tfzoo.layers.sentence_embedding import sentence_embedding
from tfzoo.tasks import classes, padding
from tfzoo.tasks.states import hidden_states
from tfzoo.tasks.token_classification import pieces
from tfzoo.tokenizers import masked_text
from tfzoo.tokenizers.tokenizer import as_text

TEXTS_AT_ONCE = 32


class Tagged(NamedTuple):
    """A word and what it was taken for.

    Attributes:
        word: str.
        tag: str, empty behind what the model's context has room for.
        probability: float, that of the tag.
    """

    word: str
    tag: str
    probability: float


class Reader:
    """What tells the label, or a number, of texts and of pairs, if its model has a head for it.

    Args:
        model: an encoder or a decoder.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: names of the labels of its head, in order; none: LABEL_0, ...
    """

    def __init__(self, model, tokenizer, labels=()):
        self.model = model
        self.tokenizer = tokenizer
        self.labels = list(labels)

    @property
    def learnt(self) -> dict:
        """What an export has to know beside the model and the tokenizer."""
        return {"labels": self.labels}

    def classify(self, texts, second_texts=None):
        """How likely each label is, for texts or for pairs of texts.

        Args:
            texts: list of str or bytes. One longer than the model's context loses its end.
            second_texts: list of as many, the second texts of pairs; None: there are no pairs.

        Returns:
            list of dict: label to probability, for each text.

        Raises:
            UsageError: if the model has no head for labels, or the lists are not equally long.
        """
        head = self._head("classify", "classification")
        found = tf.nn.softmax(self._outputs(head, texts, second_texts)).numpy()
        names = classes.names(self.labels, head.num_labels)
        return [dict(zip(names, map(float, row), strict=True)) for row in found]

    def regress(self, texts, second_texts=None):
        """The number that each text, or pair of texts, is given.

        Args:
            texts, second_texts: as for `classify`.

        Returns:
            float32 (b,).

        Raises:
            UsageError: if the model has no head for a number, or the lists are not equally long.
        """
        head = self._head("regress", "regression")
        return self._outputs(head, texts, second_texts)[:, 0]

    def _head(self, method, name):
        if name not in self.model.heads:
            raise UsageError(f"`{method}` needs a model with a {name} head; this has none.")
        return self.model.heads[name]

    def _outputs(self, head, texts, second_texts):
        """float32 (b, n), what a head says of the pooled states of texts."""
        lists = [checked_texts(texts, "texts")]
        if second_texts is not None:
            lists.append(checked_texts(second_texts, "second_texts"))
        if len(lists[0]) != len(lists[-1]):
            raise UsageError(
                f"`second_texts` must be as many as `texts`. Received: {len(lists[-1])}, not "
                f"{len(lists[0])}."
            )
        rows = list(zip(*map(self.tokenizer.encode_batch, lists), strict=True))
        found = [np.zeros([0, head.num_labels], np.float32)]
        for batch in self._batches(rows):
            hidden = hidden_states(self.model, batch)
            found.append(head(self.model.pooled(hidden, batch["padding_mask"])).numpy())
        return np.concatenate(found)

    def _batches(self, rows):
        """What the model reads, a few rows at a time, of tuples of one text's ids or of two's."""
        length = self.model.config.max_sequence_length
        for first in range(0, len(rows), TEXTS_AT_ONCE):
            some = rows[first : first + TEXTS_AT_ONCE]
            joined = [self.tokenizer.join_ids(*ids, max_length=length) for ids in some]
            token_ids = [row.token_ids for row in joined]
            width = max(1, *map(len, token_ids))
            yield {
                "token_ids": padding.padded(token_ids, width, padding.padding_id(self.tokenizer)),
                "segment_ids": padding.padded([row.segment_ids for row in joined], width),
                "padding_mask": padding.padding_mask(token_ids, width),
            }


class TrainedModel(Reader):
    """A model that reads, with its tokenizer.

    Args:
        model: an encoder, for example `models.BERT`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: names of the labels of its head, in order; none: LABEL_0, ...
    """

    def __init__(self, model, tokenizer, labels=()):
        super().__init__(model, tokenizer, labels)
        self._embedded = tf.function(
            lambda ids, mask: sentence_embedding(model.hidden_states(ids, padding_mask=mask), mask),
            input_signature=[tf.TensorSpec([None, None], x) for x in (tf.int32, tf.bool)],
            autograph=False,
        )

    def embed(self, texts):
        """Directions of texts, to compare by their products: `sentence_embedding`.

        Args:
            texts: list of str or bytes. One longer than the model's context loses its end.

        Returns:
            float32 (b, m), each row of length 1.
        """
        rows = self.tokenizer.encode_batch(checked_texts(texts, "texts"))
        found = np.zeros([len(rows), self.model.config.hidden_dim], np.float32)
        order = np.argsort([len(row) for row in rows], kind="stable")
        for first, batch in enumerate(self._batches([(rows[place],) for place in order])):
            places = order[first * TEXTS_AT_ONCE :][:TEXTS_AT_ONCE]
            found[places] = self._embedded(batch["token_ids"], batch["padding_mask"])
        return found

    def fill_mask(self, texts, top_k=5):
        """The likeliest tokens behind each mask, such as [MASK], of texts.

        Args:
            texts: list of str or bytes with masks in them, as the tokenizer writes them. One longer
                than the model's context loses its end.
            top_k: int >= 0, how many tokens to give of each mask.

        Returns:
            list, one a text, of lists, one a mask, of (str, float): a token and its probability.

        Raises:
            UsageError: if the tokenizer has no mask, or for another `top_k`.
        """
        if not isinstance(top_k, int | np.integer) or top_k < 0:
            raise UsageError(f"`top_k` must be an int, 0 or more. Received: top_k={top_k!r}")
        texts = [as_text(text) for text in checked_texts(texts, "texts")]
        rows = [(ids,) for ids in masked_text.encode(self.tokenizer, texts)]
        top_k = min(top_k, self.model.config.vocabulary_size)
        return [row for batch in self._batches(rows) for row in self._guesses(batch, top_k)]

    def _guesses(self, batch, top_k):
        is_mask = batch["token_ids"] == self.tokenizer.special("mask")
        hidden = hidden_states(self.model, batch)
        likely = tf.nn.softmax(self.model.logits(tf.boolean_mask(hidden, is_mask)))
        probabilities, ids = (x.numpy() for x in tf.math.top_k(likely, top_k))
        tokens = [self.tokenizer.decode_batch([[i] for i in row]) for row in ids]
        guesses = iter(map(list, map(zip, tokens, probabilities.tolist())))
        return [[next(guesses) for _ in range(count)] for count in is_mask.sum(axis=1)]

    def tag(self, texts):
        """The tag of each word, a word being what stands between white space.

        Args:
            texts: list of str or bytes. Words behind the model's context have no tag.

        Returns:
            list, one a text, of lists of `Tagged`, one a word.

        Raises:
            UsageError: if the model has no head for tags.
        """
        head = self._head("tag", "token_classification")
        texts = [as_text(text).split() for text in checked_texts(texts, "texts")]
        spelt = [pieces(self.tokenizer, words) for words in texts]
        found = []
        for batch in self._batches([(sum(words, []),) for words in spelt]):
            likely = tf.nn.softmax(head(hidden_states(self.model, batch))).numpy()
            first = len(found)
            found += map(self._tagged, texts[first:], spelt[first:], likely)
        return found

    def _tagged(self, words, spelt, likely):
        """`Tagged` words of one text, from the probabilities (t, n) at its tokens."""
        layout = self.tokenizer.layout
        names = classes.names(self.labels, likely.shape[-1])
        end = self.model.config.max_sequence_length - len(layout.after)
        places = len(layout.before) + np.cumsum([0, *map(len, spelt)], dtype=int)[:-1]
        read = places[places < end]
        best = [(names[i], float(row[i])) for row in likely[read] for i in [int(row.argmax())]]
        best += [("", 0.0)] * (len(words) - len(read))
        return [Tagged(word, *found) for word, found in zip(words, best, strict=True)]
