"""`tag`: what each word of a text is."""

import tensorflow as tf

from tfzoo.serving.signatures import rows, white_space
from tfzoo.serving.signatures.subject import signature, texts_named
from tfzoo.tasks import classes
from tfzoo.tasks.states import hidden_states
from tfzoo.tasks.token_classification import no_piece
from tfzoo.tokenizers.ragged import row_ids


def tag(subject):
    """texts [b] -> words [b, w], tags [b, w], probabilities [b, w].

    A word is what stands between white space. Rows of fewer words are filled up with "" and 0;
    words behind the model's context have the tag "".
    """
    layout, head = subject.tokenizer.layout, subject.model.heads["token_classification"]
    names = tf.constant(classes.names(subject.labels, head.num_labels))

    def answer(texts):
        words = white_space.words(texts)
        pieces = _pieces(subject, words)
        read = rows.joined(subject, pieces.merge_dims(1, 2))
        likely = tf.nn.softmax(head(hidden_states(subject.model, read._asdict())))
        places = len(layout.before) + _first_places(pieces).to_tensor(subject.context)
        is_read = places < subject.context - len(layout.after)
        at_words = tf.gather(likely, tf.where(is_read, places, 0), batch_dims=1)
        return {
            "words": words.to_tensor(),
            "tags": tf.where(is_read, tf.gather(names, tf.argmax(at_words, -1)), ""),
            "probabilities": tf.where(is_read, tf.reduce_max(at_words, -1), 0.0),
        }

    return signature(answer, [texts_named("texts")], [[b"Hello"]])


def _pieces(subject, words):
    """The ids of each word, ragged int32 (b, None, None), as `token_classification.pieces`."""
    spaced = tf.where(rows.places(words) == 0, words.values, " " + words.values)
    ids = subject.text.tokenize(spaced)
    is_nothing = ids.row_lengths() == 0
    nothing = tf.fill([tf.math.count_nonzero(is_nothing)], no_piece(subject.tokenizer))
    instead = tf.RaggedTensor.from_row_lengths(nothing, tf.cast(is_nothing, tf.int64))
    return words.with_values(tf.concat([ids, instead], 1))


def _first_places(pieces):
    """The place of each word's first piece in its row, ragged int32 (b, None)."""
    first = tf.cast(pieces.values.row_starts(), tf.int32)
    of_row = tf.gather(tf.cast(pieces.merge_dims(1, 2).row_starts(), tf.int32), row_ids(pieces))
    return pieces.with_values(first - of_row)
