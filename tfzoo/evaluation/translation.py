"""How close translations are to what people wrote: BLEU and chrF of a whole set, by sacrebleu.

BLEU (Papineni et al. 2002, doi:10.3115/1073083.1073135) counts words and their sequences up to
four, chrF (Popovic 2015, doi:10.18653/v1/W15-3049) sequences of up to six characters. Which rules
they were counted by, their signatures tell (Post 2018, arXiv:1804.08771): only numbers of equal
signatures may be compared.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslationScore:
    """How good a set of translations is.

    Attributes:
        bleu: float in [0, 100].
        chrf: float in [0, 100].
        bleu_signature: str, as `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`.
        chrf_signature: str.
        num_sentences: int.
    """

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    num_sentences: int


def score_translations(found: list[str], references: list[str]) -> TranslationScore:
    """Compares translations, as plain text, with one reference each.

    Args:
        found: list of str, n > 0.
        references: list of str, n.

    Raises:
        ValueError: if there are no translations, or not one reference each.
    """
    from sacrebleu.metrics import BLEU, CHRF  # not for those who evaluate something else

    if not found or len(found) != len(references):
        raise ValueError(
            "`found` and `references` must be of the same length, and not empty. "
            f"Received: {len(found)} found, {len(references)} references."
        )
    bleu, chrf = BLEU(force=True), CHRF()  # force: no warning of text that is tokenized already
    scores = [metric.corpus_score(found, [references]).score for metric in (bleu, chrf)]
    return TranslationScore(
        bleu=scores[0],
        chrf=scores[1],
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
        num_sentences=len(found),
    )
