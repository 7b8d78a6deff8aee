"""Objectives: what a model learns to do, as a loss over a batch. A task never imports a model."""

from tfzoo.tasks.causal_lm import CausalLanguageModeling
from tfzoo.tasks.task import Task

TASKS = {"causal_lm": CausalLanguageModeling}

__all__ = ["TASKS", "CausalLanguageModeling", "Task"]
