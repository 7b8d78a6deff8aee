"""A trained decoder with its tokenizer: texts go on, conversations too, and are scored."""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.evaluation import log_likelihood
from tfzoo.generation import (
    Decoder,
    DecodingOptions,
    Ends,
    TokenBytes,
    Writer,
    checked_options,
    checked_text,
    checked_texts,
    write,
)
from tfzoo.generation.chat import history
from tfzoo.generation.pieces import options_of_one_text, pieces
from tfzoo.generation.stops import cut
from tfzoo.generation.write import check_room
from tfzoo.reader import TEXTS_AT_ONCE, Reader
from tfzoo.tokenizers.tokenizer import as_text


class Score(NamedTuple):
    """How likely texts are.

    Attributes:
        log_likelihood: float32 (b,), sums of natural logarithms.
        num_tokens: int32 (b,).
    """

    log_likelihood: np.ndarray
    num_tokens: np.ndarray


class ScoredText(NamedTuple):
    """A text that was written, and how likely its tokens were.

    Attributes:
        text: str, without a stop and what follows it.
        token_ids: list of int, those of a stop included.
        log_probabilities: list of float, one a token: natural logarithms, as the model has them
            before temperature, limits and constraints.
    """

    text: str
    token_ids: list
    log_probabilities: list


class LanguageModel(Reader):
    """A model that writes, with its tokenizer.

    Args:
        model: a decoder, for example `models.GPT2`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        labels: names of the labels of its classification head, in order; none: LABEL_0, ...
        converses: bool. Whether it has learnt dialogues, by the task `dialogue`.
    """

    def __init__(self, model, tokenizer, labels=(), converses=False):
        super().__init__(model, tokenizer, labels)
        self.converses = converses
        ends = Ends.of(tokenizer)
        self._decoder = Decoder(Writer(model, ends, token_bytes=TokenBytes(tokenizer)))
        self._log_likelihood = tf.function(
            lambda texts: log_likelihood(model, texts, tokenizer.before_text),
            input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)],
            autograph=False,
        )

    @property
    def learnt(self):
        return {**super().learnt, "converses": self.converses}

    def generate(self, prompts, max_new_tokens=DecodingOptions.max_new_tokens, **options):
        """Continues each prompt; a row is what it would be alone.

        Numbers may be one for all prompts, or a list of one a prompt. The draws of a row depend on
        its own seed only, so equal prompts give equal texts unless their seeds differ.

        Args:
            prompts: list of str or bytes. An empty one starts from end-of-text.
            max_new_tokens: int >= 0. Bounded to the model's context - 1 unless the window slides.
            **options: the fields of `generation.DecodingOptions`, each with its default there:

                - temperature: float >= 0, 1. 0 takes the likeliest token.
                - top_k: int, 0. Draw from the k likeliest tokens; 0: no limit.
                - top_p: float in (0, 1], 1. Draw from the fewest tokens that hold this probability.
                - min_p: float in [0, 1], 0. Draw from tokens at least so many times as likely as
                  the likeliest.
                - seed: int, 0.
                - repetition_penalty: float > 0, 1. Divides positive logits of what stands in the
                  prompt or was written, and multiplies others.
                - frequency_penalty: float, 0. Taken from a token's logit each time it was written.
                - no_repeat_ngram_size: int, 0. No sequence of so many tokens comes twice.
                - min_new_tokens: int, 0. No token ends the text before so many are written.
                - stop_token_ids, stop_strings: lists. Ids and texts that end the new text, which
                  is without them; one list for all prompts, or a list of one list a prompt.
                - num_beams: int, 1. More: nothing is drawn; of so many texts under way at each
                  step, the likeliest is found (`generation.beam`).
                - length_penalty: float, 1. Beams are compared by log likelihood over length to this
                  power.
                - early_stopping: bool, False. Whether a search ends once `num_beams` are done.
                - num_return_sequences: int, 1. Texts a prompt, one prompt's after the other's: the
                  best of a search, else drawn with the seeds seed, seed + 1, ...
                - overlong: "cut", "refuse" or "slide". A prompt that leaves no room for
                  `max_new_tokens` keeps its last `context - max_new_tokens` tokens, is refused, or
                  the older half is forgotten whenever the context is full.

        Returns:
            List of str: the new text only, with the space before it if it starts with a word.

        Raises:
            UsageError: for what is no list of texts, and an option outside its range.
        """
        options["max_new_tokens"] = max_new_tokens
        return [text for text, _, _ in self._written(prompts, options, scored=False)]

    def generate_scored(self, prompts, **options):
        """As `generate`, and how likely each token was.

        Args:
            prompts, **options: as for `generate`, without beams.

        Returns:
            list of `ScoredText`.
        """
        return self._written(prompts, options, scored=True)

    def _written(self, prompts, options, scored):
        token_ids = self.tokenizer.encode_batch(checked_texts(prompts, "prompts"))
        options = checked_options(options, len(token_ids))
        is_continued = list(map(bool, token_ids))
        rows = [[*self.tokenizer.opening, *row] for row in token_ids]
        found = write(self._decoder, rows, options, is_continued, scored)
        count, texts = options.num_return_sequences, []
        for number, (new, scores) in enumerate(found):
            row = number // count
            text = self.tokenizer.spell(new, continued=is_continued[row]).decode("utf-8", "replace")
            texts.append(ScoredText(cut(text, options.stop_strings[row]), new, scores))
        return texts

    def stream(self, prompt, **options):
        """Continues one prompt, giving the text as it comes.

        Args:
            prompt: str or bytes.
            **options: as for `generate`, without beams, of one text.

        Returns:
            Iterator of str, none ending within a character; together, what `generate` returns.

        Raises:
            UsageError: for what is no text, and an option outside its range.
        """
        [token_ids] = self.tokenizer.encode_batch([checked_text(prompt, "prompt")])
        options = options_of_one_text(options)
        read = [*self.tokenizer.opening, *token_ids]
        check_room(self._decoder, [read], options)
        return pieces(self._decoder, self.tokenizer, read, options, continued=bool(token_ids))

    def reply(self, turns, **options):
        """Says the next turn of a conversation, giving the text as it comes.

        The turns are read as the tokenizer's chat template writes them; without one, and by a run
        of the task `dialogue`, as that task reads them. Where the model's context has no room for
        all, the oldest are left out, so that `max_new_tokens`, or half the context if that is less,
        are free for the reply.

        Args:
            turns: list of str, one at least, the last of them to be replied to.
            **options: as for `stream`; `max_new_tokens` is bounded to what is free.

        Returns:
            Iterator of str, none ending within a character.

        Raises:
            UsageError: for what is no list of texts, an option outside its range, or a chat
                template that cannot be used.
        """
        turns = [as_text(turn) for turn in checked_texts(turns, "turns")]
        options, context = options_of_one_text(options), self.model.config.max_sequence_length
        if options.overlong != "cut":
            raise UsageError("A conversation is cut between turns. Leave `overlong` at cut.")
        [wanted], [stops] = options.max_new_tokens, options.stop_token_ids
        token_ids = history(self.tokenizer, turns, context - min(int(wanted), context // 2))
        options = dataclasses.replace(
            options,
            max_new_tokens=np.minimum(options.max_new_tokens, context - len(token_ids)),
            stop_token_ids=[[*stops, *sorted(self.tokenizer.turn_ends)]],
        )
        return pieces(self._decoder, self.tokenizer, token_ids, options, continued=False)

    def chat(self, conversations, **options):
        """The next turn of each conversation: what `reply` says, whole.

        Args:
            conversations: list of lists of str, each as for `reply`.
            **options: as for `reply`.

        Returns:
            List of str.

        Raises:
            UsageError: as by `reply`.
        """
        return ["".join(self.reply(turns, **options)) for turns in conversations]

    def score(self, texts):
        """How likely the model finds each text, read after an end-of-text (Llama: after its <s>).

        A text longer than the model's context is read in windows of that length.

        Args:
            texts: list of str or bytes.

        Returns:
            `Score`.

        Raises:
            UsageError: for what is no list of texts.
        """
        token_ids = self.tokenizer.encode_batch(checked_texts(texts, "texts"))
        parts = [
            self._log_likelihood(_ragged(token_ids[first : first + TEXTS_AT_ONCE]))
            for first in range(0, max(len(token_ids), 1), TEXTS_AT_ONCE)
        ]
        return Score(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _ragged(token_ids):
    return tf.ragged.constant(token_ids, dtype=tf.int32, ragged_rank=1)
