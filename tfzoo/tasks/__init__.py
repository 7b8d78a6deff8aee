"""Objectives: what a model learns to do, as a loss over a batch. A task never imports a model."""

from tfzoo.tasks.albert import AlbertPretraining
from tfzoo.tasks.bert import BertPretraining
from tfzoo.tasks.causal_lm import CausalLanguageModeling
from tfzoo.tasks.classification import Classification
from tfzoo.tasks.dialogue import Dialogue
from tfzoo.tasks.masked_lm import MaskedLanguageModeling
from tfzoo.tasks.regression import Regression
from tfzoo.tasks.similarity import Similarity
from tfzoo.tasks.span_corruption import SpanCorruption
from tfzoo.tasks.task import Task
from tfzoo.tasks.text_to_text import TextToText
from tfzoo.tasks.token_classification import TokenClassification
from tfzoo.tasks.translation import Translation

TASKS = {
    "causal_lm": CausalLanguageModeling,
    "masked_lm": MaskedLanguageModeling,
    "bert": BertPretraining,
    "albert": AlbertPretraining,
    "span_corruption": SpanCorruption,
    "translation": Translation,
    "text_to_text": TextToText,
    "classification": Classification,
    "regression": Regression,
    "similarity": Similarity,
    "token_classification": TokenClassification,
    "dialogue": Dialogue,
}

__all__ = [
    "TASKS",
    "AlbertPretraining",
    "BertPretraining",
    "CausalLanguageModeling",
    "Classification",
    "Dialogue",
    "MaskedLanguageModeling",
    "Regression",
    "Similarity",
    "SpanCorruption",
    "Task",
    "TextToText",
    "TokenClassification",
    "Translation",
]
