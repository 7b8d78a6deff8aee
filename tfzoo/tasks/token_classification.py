"""Token classification: a tag for each word of a sentence, as for named entities."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfzoo.layers.heads import TokenClassificationHead
from tfzoo.tasks import classes, entities
from tfzoo.tasks.example_rows import ExampleTask
from tfzoo.tasks.padding import cut, padded, padding_id, padding_mask
from tfzoo.tasks.states import hidden_states

_NO_TAG = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenClassification(ExampleTask):
    """Maximizes the log likelihood of tags (Devlin et al., 2019, arXiv:1810.04805, section 5.3).

    The tag of a word is found at its first token; its other tokens have no target. Words of a
    sentence that is too long are left out at its end, from training and evaluation alike.

    Attributes:
        head_dropout: float in [0, 1), share of what the head reads to drop.
    """

    kinds: ClassVar = ("encoder",)
    data_kind: ClassVar = "tagged"
    head: ClassVar = "token_classification"
    head_dropout: float = 0.1

    def heads(self):
        head = TokenClassificationHead(len(self.labels), dropout=self.head_dropout)
        return {self.head: head}

    def columns(self):
        return {"token_ids": self._token_ids, "tags": self._tags}

    def shortest_row(self, store):
        return self.tokenizer.layout.num_specials(False) + 1

    def batch(self, store, indices, length):
        token_ids = [cut(row, length) for row in store.rows("token_ids", indices)]
        tags = padded([cut(row, length) for row in store.rows("tags", indices)], length, _NO_TAG)
        return {
            "token_ids": padded(token_ids, length, padding_id(self.tokenizer)),
            "padding_mask": padding_mask(token_ids, length),
            "labels": np.maximum(tags, 0),
            "weights": (tags != _NO_TAG).astype(np.float32),
        }

    def loss(self, model, batch, training=None, label_smoothing=0.0):
        nats = classes.nats(self._logits(model, batch, training), batch["labels"], label_smoothing)
        return tf.reduce_sum(batch["weights"] * nats)

    def measures(self, model, batch):
        logits, labels, weights = self._logits(model, batch), batch["labels"], batch["weights"]
        sums = classes.measures(logits, labels, weights)
        if any(map(entities.marks, self.labels)):
            found = tf.argmax(logits, -1, tf.int32)
            sums["entities"] = entities.counts(labels, found, weights, self.labels)
        return sums

    def results(self, sums):
        found = classes.results(sums, self.labels)
        return found | (entities.results(sums["entities"]) if "entities" in sums else {})

    def _logits(self, model, batch, training=None):
        hidden = hidden_states(model, batch, training)
        return tf.cast(model.heads[self.head](hidden, training=training), tf.float32)

    def _token_ids(self, example):
        return self.tokenizer.join_ids(sum(pieces(self.tokenizer, example["words"]), [])).token_ids

    def _tags(self, example):
        """A tag id at the first token of each word, elsewhere none."""
        tags = [_NO_TAG] * len(self.tokenizer.layout.before)
        for ids, tag in zip(pieces(self.tokenizer, example["words"]), example["tags"], strict=True):
            tags += [self.labels.index(tag), *[_NO_TAG] * (len(ids) - 1)]
        return tags + [_NO_TAG] * len(self.tokenizer.layout.after)


def pieces(tokenizer, words) -> list[list[int]]:
    """The token ids of each word, one at least; words but the first follow a space."""
    spaced = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
    return [ids or [no_piece(tokenizer)] for ids in tokenizer.encode_batch(spaced)]


def no_piece(tokenizer) -> int:
    """What stands for a word of which nothing is left."""
    return tokenizer.special_ids.get("unknown", padding_id(tokenizer))
