"""Objectives: what a model learns to do, as a loss over a batch. A task never imports a model."""

from tfzoo.tasks.albert import AlbertPretraining
from tfzoo.tasks.bert import BertPretraining
from tfzoo.tasks.causal_lm import CausalLanguageModeling
from tfzoo.tasks.masked_lm import MaskedLanguageModeling
from tfzoo.tasks.span_corruption import SpanCorruption
from tfzoo.tasks.task import Task

TASKS = {
    "causal_lm": CausalLanguageModeling,
    "masked_lm": MaskedLanguageModeling,
    "bert": BertPretraining,
    "albert": AlbertPretraining,
    "span_corruption": SpanCorruption,
}

__all__ = [
    "TASKS",
    "AlbertPretraining",
    "BertPretraining",
    "CausalLanguageModeling",
    "MaskedLanguageModeling",
    "SpanCorruption",
    "Task",
]
