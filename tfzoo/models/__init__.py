"""Models: a family a file, all made of the same blocks."""

from tfzoo.models.albert import ALBERT
from tfzoo.models.bert import BERT
from tfzoo.models.distilbert import DistilBERT
from tfzoo.models.gpt import GPT
from tfzoo.models.gpt2 import GPT2, GPT2Config
from tfzoo.models.gpt3 import GPT3
from tfzoo.models.gpt_neox import GPTNeoX
from tfzoo.models.llama import Llama
from tfzoo.models.model import Model
from tfzoo.models.registry import (
    MODELS,
    PRESETS,
    count_parameters,
    from_preset,
    load_config,
    save_config,
)
from tfzoo.models.roberta import RoBERTa
from tfzoo.models.t5 import T5
from tfzoo.models.transformer import Transformer

__all__ = [
    "ALBERT",
    "BERT",
    "DistilBERT",
    "GPT",
    "GPT2",
    "GPT2Config",
    "GPT3",
    "GPTNeoX",
    "Llama",
    "MODELS",
    "Model",
    "PRESETS",
    "RoBERTa",
    "T5",
    "Transformer",
    "count_parameters",
    "from_preset",
    "load_config",
    "save_config",
]
