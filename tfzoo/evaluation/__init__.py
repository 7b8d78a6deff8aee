"""How good a model is: perplexity and likelihoods of text, scores of translations and classes."""

from tfzoo.evaluation.classification import confusion_matrix, draw_confusion, score_classes
from tfzoo.evaluation.likelihood import log_likelihood
from tfzoo.evaluation.perplexity import evaluate
from tfzoo.evaluation.translation import score_translations

__all__ = [
    "confusion_matrix",
    "draw_confusion",
    "evaluate",
    "log_likelihood",
    "score_classes",
    "score_translations",
]
