"""A trained encoder-decoder with its tokenizer: a text in, another text out."""

from tfzoo.generation import (
    Decoder,
    Ends,
    TokenBytes,
    Writer,
    checked_options,
    checked_text,
    checked_texts,
    write,
)
from tfzoo.generation.pieces import options_of_one_text, pieces
from tfzoo.generation.stops import cut
from tfzoo.generation.write import check_room
from tfzoo.tasks import Translation, padding, sequences


class TextToText:
    """A model that reads one text and writes another: a translation, a label, a summary.

    Args:
        model: an encoder-decoder, for example `models.T5`.
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        prefix: str, what the run had before each source.
    """

    def __init__(self, model, tokenizer, prefix=""):
        self.model = model
        self.tokenizer = tokenizer
        self._task = Translation(tokenizer=tokenizer, prefix=prefix)
        ends = Ends.of(tokenizer, sequences.end_id(tokenizer))
        start, token_bytes = sequences.start_id(tokenizer), TokenBytes(tokenizer)
        self._decoder = Decoder(Writer(model, ends, start, token_bytes))

    @property
    def learnt(self) -> dict:
        """What an export has to know beside the model and the tokenizer."""
        return {"prefix": self._task.prefix}

    def generate(self, sources, max_new_tokens=None, temperature=0.0, **options):
        """Writes a text for each source; a row is what it would be alone.

        Args:
            sources: list of str. They are read as in training: the prefix before each, and cut to
                the model's context, or refused where `overlong="refuse"`.
            max_new_tokens: int >= 0; None: as many as the model can write, its context - 1.
            temperature: float >= 0. 0 takes the likeliest token.
            **options: as for `LanguageModel.generate`.

        Returns:
            List of str.

        Raises:
            UsageError: for what is no list of texts, and an option outside its range.
        """
        sources = checked_texts(sources, "sources", (str,))
        options = self._with_defaults(options, max_new_tokens, temperature)
        options = checked_options(options, len(sources))
        check_room(self._decoder, map(self._task.source_ids, sources), options)
        rows = list(map(self.source_ids, sources))
        found = write(self._decoder, rows, options, is_continued=[False] * len(rows))
        texts = self.tokenizer.decode_batch([new for new, _ in found])
        count = options.num_return_sequences
        return [cut(x, options.stop_strings[n // count]) for n, x in enumerate(texts)]

    def stream(self, source, max_new_tokens=None, temperature=0.0, **options):
        """Writes a text for one source, giving it as it comes.

        Args:
            source: str.
            max_new_tokens, temperature, **options: as for `generate`, without beams, of one text.

        Returns:
            Iterator of str, none ending within a character; together, what `generate` returns.

        Raises:
            UsageError: for what is no text, and an option outside its range.
        """
        source = checked_text(source, "source", (str,))
        options = self._with_defaults(options, max_new_tokens, temperature)
        options = options_of_one_text(options)
        check_room(self._decoder, [self._task.source_ids(source)], options)
        read = self.source_ids(source)
        return pieces(self._decoder, self.tokenizer, read, options, continued=False)

    def _with_defaults(self, options, max_new_tokens, temperature):
        if max_new_tokens is None:
            max_new_tokens = self.model.config.max_sequence_length - 1
        return {**options, "max_new_tokens": max_new_tokens, "temperature": temperature}

    def source_ids(self, source):
        """What the encoder reads of a text, as in training: list of int."""
        context = self.model.config.max_sequence_length
        return padding.cut(self._task.source_ids(source), context)
