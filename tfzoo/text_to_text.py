"""A trained encoder-decoder with its tokenizer: a text in, another text out."""

from tfzoo.generation import Decoder, Ends, checked_texts, write
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
        self._decoder = Decoder(model, ends, sequences.start_id(tokenizer))

    @property
    def learnt(self) -> dict:
        """What an export has to know beside the model and the tokenizer."""
        return {"prefix": self._task.prefix}

    def generate(self, sources, max_new_tokens=None, temperature=0.0, **options):
        """Writes a text for each source; a row is what it would be alone.

        Args:
            sources: list of str. They are read as in training: the prefix before each, and cut to
                the model's context.
            max_new_tokens: int >= 0; None: as many as the model can write, its context - 1.
            temperature: float >= 0. 0 takes the likeliest token.
            **options: `top_k`, `top_p`, `seed`, `num_beams`, `length_penalty` and `early_stopping`,
                as for `LanguageModel.generate`.

        Returns:
            List of str.

        Raises:
            UsageError: for what is no list of texts, and a number outside its range.
        """
        rows = [self.source_ids(source) for source in checked_texts(sources, "sources", (str,))]
        longest = self.model.config.max_sequence_length - 1
        limit = longest if max_new_tokens is None else max_new_tokens
        written = write(
            self._decoder, rows, max_new_tokens=limit, temperature=temperature, **options
        )
        return self.tokenizer.decode_batch(written)

    def source_ids(self, source):
        """What the encoder reads of a text, as in training: list of int."""
        context = self.model.config.max_sequence_length
        return padding.cut(self._task.source_ids(source), context)
