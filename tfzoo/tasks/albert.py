"""ALBERT's pre-training: masked words, and whether the parts of a row stand in order."""

import dataclasses
from typing import ClassVar

from tfzoo.tasks.bert import BertPretraining


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlbertPretraining(BertPretraining):
    """Masked words and sentence order (Lan et al., 2020, arXiv:1909.11942, section 3.1).

    Attributes:
        mask_probability: float in (0, 1), share of the tokens to guess.
        whole_word_masking: bool. Whether all tokens of a word are guessed together.
    """

    pair_head: ClassVar[str] = "sentence_order"
    num_documents: ClassVar[int] = 1

    def pair(self, spans, number, generator):
        return spans.ordered(number, generator)
