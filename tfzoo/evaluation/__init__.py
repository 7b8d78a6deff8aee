"""How good a model is: perplexity and likelihoods of text, bias, translations, classes."""

from tfzoo.evaluation.classification import draw_confusion
from tfzoo.evaluation.decoded import held_out, score_decoded
from tfzoo.evaluation.likelihood import log_likelihood
from tfzoo.evaluation.pair_files import Pair, read_pairs
from tfzoo.evaluation.paired import preferences, score_pairs
from tfzoo.evaluation.perplexity import evaluate
from tfzoo.evaluation.translation import score_translations

__all__ = [
    "Pair",
    "draw_confusion",
    "evaluate",
    "held_out",
    "log_likelihood",
    "preferences",
    "read_pairs",
    "score_decoded",
    "score_pairs",
    "score_translations",
]
