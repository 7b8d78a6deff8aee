"""`tfzoo.load(model_dir)`: a trained model and its tokenizer together, text in and text out."""

import codecs
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo import pretrained, tokenizers
from tfzoo.errors import UsageError
from tfzoo.evaluation import log_likelihood
from tfzoo.generation import (
    DEFAULTS,
    Decoder,
    Ends,
    checked_sampling,
    checked_text,
    checked_texts,
    write,
)
from tfzoo.generation.chat import history
from tfzoo.models.adapters import merge
from tfzoo.reader import TEXTS_AT_ONCE, Reader, TrainedModel
from tfzoo.text_to_text import TextToText
from tfzoo.tokenizers.tokenizer import as_text
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.model_dir import ModelDir
from tfzoo.training.origins import load_model


def load(model_dir, *, merged=True):
    """Loads what `python -m tfzoo.train` has left in a folder: the newest checkpoint that is whole.

    Where the run kept a moving average of its weights, that average is taken. A folder as
    transformers saves it is loaded as well, by `pretrained.load`.

    Args:
        model_dir: path.
        merged: bool. Whether adapters become part of the matrices that they adapt
            (`models.adapters.merge`); else the model has them beside.

    Returns:
        `LanguageModel` if the model is a decoder, `TextToText` if it is an encoder-decoder, else
        `TrainedModel`.

    Raises:
        UsageError: if the folder holds no run, or no whole checkpoint; or adapters of weights that
            are gone or others by now.
    """
    folder = Path(model_dir)
    if not (folder / "model.json").is_file() and (folder / "config.json").is_file():
        model, tokenizer, labels, _ = pretrained.load(folder, "float32", flag="--model_dir")
        return _with_its_texts(model, tokenizer, labels)
    if not (folder / "model.json").is_file() or not (folder / "tokenizer").is_dir():
        raise UsageError(
            f"--model_dir={folder} holds no run of tfzoo (it has no model.json and tokenizer/). "
            "Give the --model_dir of `python -m tfzoo.train`."
        )
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoint = checkpoints.restore_weights()
    if checkpoint is None:
        raise UsageError(f"--model_dir={folder} {checkpoints.why_none()}")
    model = load_model(folder, checkpoint, dtype=_flag(folder, "precision", "float32"))
    if merged:
        merge(model)
    tokenizer = tokenizers.load(folder / "tokenizer")
    converses = _flag(folder, "task", "") == "dialogue"
    if converses:  # It has learnt to read turns in another way.
        tokenizer.chat_template = None
    labels = ModelDir(folder).facts().get("labels", ())
    return _with_its_texts(model, tokenizer, labels, _flag(folder, "prefix", ""), converses)


def _with_its_texts(model, tokenizer, labels, prefix="", converses=False):
    if model.kind == "encoder_decoder":
        return TextToText(model, tokenizer, prefix)
    if model.kind == "decoder":
        return LanguageModel(model, tokenizer, labels, converses)
    return TrainedModel(model, tokenizer, labels)


class Score(NamedTuple):
    """How likely texts are.

    Attributes:
        log_likelihood: float32 (b,), sums of natural logarithms.
        num_tokens: int32 (b,).
    """

    log_likelihood: np.ndarray
    num_tokens: np.ndarray


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
        self._decoder = Decoder(model, Ends.of(tokenizer))
        self._log_likelihood = tf.function(
            lambda texts: log_likelihood(model, texts, tokenizer.before_text),
            input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)],
            autograph=False,
        )

    @property
    def learnt(self):
        return {**super().learnt, "converses": self.converses}

    def generate(
        self,
        prompts,
        max_new_tokens=DEFAULTS.max_new_tokens,
        temperature=DEFAULTS.temperature,
        top_k=DEFAULTS.top_k,
        top_p=DEFAULTS.top_p,
        seed=DEFAULTS.seed,
        num_beams=1,
        length_penalty=1.0,
        early_stopping=False,
    ):
        """Continues each prompt; a row is what it would be alone.

        Each number but `num_beams` may be one for all prompts, or a list of one a prompt. The draws
        of a row depend on its own seed only, so equal prompts give equal texts unless their seeds
        differ.

        Args:
            prompts: list of str or bytes. An empty one starts from end-of-text; an overlong one
                keeps its last `context - max_new_tokens` tokens.
            max_new_tokens: int >= 0. Bounded to the model's context - 1.
            temperature: float >= 0. 0 takes the likeliest token.
            top_k: int. Draw from the k likeliest tokens; 0: no limit.
            top_p: float in (0, 1]. Draw from the fewest tokens that hold this probability together.
            seed: int.
            num_beams: int. More than 1: nothing is drawn; of so many texts under way at each step,
                the likeliest is found (`generation.beam`).
            length_penalty: float. Beams are compared by log likelihood over length to this power.
            early_stopping: bool. Whether a search ends as soon as `num_beams` texts are done.

        Returns:
            List of str: the new text only, with the space before it if it starts with a word.

        Raises:
            UsageError: for what is no list of texts, and a number outside its range.
        """
        token_ids = self.tokenizer.encode_batch(checked_texts(prompts, "prompts"))
        written = write(
            self._decoder,
            [[*self.tokenizer.opening, *row] for row in token_ids],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            num_beams=num_beams,
            length_penalty=length_penalty,
            early_stopping=early_stopping,
        )
        return [
            self.tokenizer.spell(new, continued=bool(prompt)).decode("utf-8", "replace")
            for prompt, new in zip(token_ids, written, strict=True)
        ]

    def stream(self, prompt, **options):
        """Continues one prompt, giving the text as it comes.

        Args:
            prompt: str or bytes.
            **options: as for `generate`.

        Returns:
            Iterator of str, none ending within a character; together, what `generate` returns.

        Raises:
            UsageError: for what is no text, and a number outside its range.
        """
        [token_ids] = self.tokenizer.encode_batch([checked_text(prompt, "prompt")])
        sampling = checked_sampling(1, **{**DEFAULTS._asdict(), **options})
        read = [*self.tokenizer.opening, *token_ids]
        return self._pieces(read, sampling, continued=bool(token_ids))

    def reply(self, turns, **options):
        """Says the next turn of a conversation, giving the text as it comes.

        The turns are read as the tokenizer's chat template writes them; without one, and by a run
        of the task `dialogue`, as that task reads them. Where the model's context has no room for
        all, the oldest are left out, so that `max_new_tokens`, or half the context if that is less,
        are free for the reply.

        Args:
            turns: list of str, one at least, the last of them to be replied to.
            **options: as for `generate`; `max_new_tokens` is bounded to what is free.

        Returns:
            Iterator of str, none ending within a character.

        Raises:
            UsageError: for what is no list of texts, a number outside its range, or a chat template
                that cannot be used.
        """
        turns = [as_text(turn) for turn in checked_texts(turns, "turns")]
        sampling = checked_sampling(1, **{**DEFAULTS._asdict(), **options})
        context = self.model.config.max_sequence_length
        [wanted] = sampling.max_new_tokens
        token_ids = history(self.tokenizer, turns, context - min(int(wanted), context // 2))
        free = np.minimum(sampling.max_new_tokens, context - len(token_ids))
        sampling = sampling._replace(max_new_tokens=free)
        return self._pieces(token_ids, sampling, continued=False, ends=self.tokenizer.turn_ends)

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

    def _pieces(self, token_ids, sampling, continued, ends=()):
        text = codecs.getincrementaldecoder("utf-8")("replace")
        new_tokens, num_shown = [], 0
        for [more] in self._decoder.stream([token_ids], sampling):
            said = list(itertools.takewhile(lambda token: token not in ends, more))
            new_tokens += said
            spelt = self.tokenizer.spell(new_tokens, continued=continued)
            if piece := text.decode(spelt[num_shown:]):
                yield piece
            num_shown = len(spelt)
            if len(said) < len(more):
                break
        if piece := text.decode(b"", final=True):
            yield piece

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


def _flag(folder, name, default):
    """A flag of the run; the default if it does not say."""
    try:
        value = json.loads((folder / "run.json").read_bytes())["flags"][name]
    except (OSError, ValueError, KeyError):
        return default
    return default if value is None else value
