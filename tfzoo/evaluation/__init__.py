"""How good a model is: perplexity, bits per byte, likelihoods, and the byte n-gram to beat."""

from tfzoo.evaluation.likelihood import log_likelihood
from tfzoo.evaluation.perplexity import evaluate

__all__ = ["evaluate", "log_likelihood"]
